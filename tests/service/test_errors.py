"""Errors form one tree, carry the data of their case, and have words that a person can act on."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any, Final

import pytest

from service import errors
from service.errors import ConvserveError, InvalidParameterError

CLASSES: Final = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, ConvserveError)]

# Each class with its data, and the parts of its message that make it useful.
CASES: Final[list[tuple[type[ConvserveError], tuple[Any, ...], dict[str, Any], list[str]]]] = [
    (errors.EmptyBodyError, (), {}, ["empty", "curl --data-binary"]),
    (errors.SlowBodyError, (), {"limit_s": 2.5, "received_bytes": 10}, ["2.5 s", "10 bytes"]),
    (errors.BodyTooLargeError, (), {"limit_bytes": 5, "body_bytes": 9}, ["5 bytes", "9 bytes", "smaller"]),
    (errors.BodyTooLargeError, (), {"limit_bytes": 5}, ["5 bytes", "has more"]),
    (errors.UnsupportedMediaTypeError, ("text/html",), {}, ["'text/html'", "image/*", "'file'", "'inputs'"]),
    (errors.BadImageError, ("the file is cut short",), {}, ["the file is cut short"]),
    (errors.UnsupportedImageFormatError, (), {"supported": ["JPEG", "PNG"]}, ["JPEG, PNG"]),
    (
        errors.TooManyPixelsError,
        (),
        {"width": 30, "height": 20, "limit_pixels": 100},
        ["30 x 20 = 600 pixels", "100", "scale it down"],
    ),
    (
        InvalidParameterError,
        ("top_k",),
        {"value": 0, "expected": "a whole number from 1"},
        ["top_k must be a whole number from 1, not 0"],
    ),
    (errors.UnknownModelError, ("plum",), {"known": ["apple", "pear"]}, ["'plum'", "apple, pear"]),
    (errors.UnknownModelError, ("plum",), {"known": []}, ["'plum'", "none"]),
    (errors.UnknownVersionError, ("plum",), {"version": 3, "known": [2, 1]}, ["'plum'", "version 3", "2, 1"]),
    (errors.UnknownVersionError, ("plum",), {"version": 3, "known": []}, ["none"]),
    (errors.VersionNotLoadedError, ("plum",), {"version": 1, "live": 2}, ["Version 1", "'plum'", "version 2 is live"]),
    (errors.NoDefaultModelError, (), {"known": ["apple"]}, ["CONVSERVE_DEFAULT_MODEL", "apple"]),
    (errors.NoDefaultModelError, (), {"known": []}, ["none"]),
    (errors.QueueFullError, (), {"capacity": 8, "retry_after_s": 1.5}, ["8 requests"]),
    (errors.DrainingError, (), {"retry_after_s": 5.0}, ["shutting down"]),
    (
        errors.ModelNotReadyError,
        ("plum",),
        {"state": "loading", "retry_after_s": 2.0},
        ["'plum'", "loading", "GET /models/plum"],
    ),
    (
        errors.VersionInUseError,
        ("plum",),
        {"version": 2, "role": "live"},
        ["Version 2 of model 'plum' is live", "POST /models/plum/default"],
    ),
    (errors.VersionInUseError, ("plum",), {"version": 2, "role": "canary"}, ["is the canary", "PUT /models/plum/tr"]),
    (
        errors.VersionRefusedError,
        ("plum",),
        {"version": 2, "reason": "model.onnx: sha256 is bb"},
        ["Version 2 of model 'plum' was refused", "what was live still is", "sha256 is bb"],
    ),
    (errors.ActSupersededError, ("plum",), {"version": 2}, ["Version 2 of model 'plum'", "another version was chosen"]),
    (errors.ActUnfinishedError, ("plum",), {"version": 2, "waited_s": 300.0}, ["after 300 s", "GET /models/plum"]),
    (errors.MissingKeyError, (), {}, ["needs a key", "Authorization: Bearer"]),
    (errors.UnknownKeyError, (), {}, ["not known here"]),
    (errors.ForbiddenKeyError, (), {"key": "phone"}, ["'phone'", "admin key"]),
    (
        errors.RateLimitedError,
        (),
        {"key": "phone", "limit": 3, "window_s": 60, "retry_after_s": 1.25},
        ["'phone'", "3 requests in 60 s", "1.2 s"],
    ),
    (errors.KeyFileError, (Path("keys.toml"),), {"reason": "line 3 is no table"}, ["keys.toml: line 3 is no table"]),
    (errors.DeadlineExceededError, (), {"deadline_s": 0.25}, ["0.250 s", "dropped"]),
    (errors.ArtifactError, (Path("m/1"),), {"reason": "is odd"}, ["m/1: is odd"]),
    (
        errors.HashMismatchError,
        (Path("m/1/x"),),
        {"expected": "aa", "actual": "bb"},
        ["m/1/x", "sha256 is bb", "says aa", "changed after publication"],
    ),
    (
        errors.ProviderUnavailableError,
        (),
        {"wanted": "cuda", "used": "cpu"},
        ["cuda was demanded", "uses cpu", "onnxruntime-gpu", "CONVSERVE_REQUIRE_GPU"],
    ),
]


@pytest.mark.parametrize(("kind", "arguments", "data", "words"), CASES, ids=lambda part: getattr(part, "__name__", ""))
def test_an_error_carries_its_data_and_tells_it(
    kind: type[ConvserveError], arguments: tuple[Any, ...], data: dict[str, Any], words: list[str]
) -> None:
    """What a program needs stands in attributes, what a person needs stands in the text."""
    error = kind(*arguments, **data)
    for name, value in data.items():
        assert getattr(error, name) == (tuple(value) if isinstance(value, list) else value)
    for part in words:
        assert part in str(error)


def test_every_class_with_data_of_its_own_is_among_the_cases() -> None:
    """A new error does not come without its words being tested."""
    with_data = {kind for kind in CLASSES if "__init__" in vars(kind)}
    base_only = {errors.UnavailableError}  # never raised itself
    assert {kind for kind, *_ in CASES} == with_data - base_only


@pytest.mark.parametrize(
    ("kind", "parent"),
    [
        (errors.BadImageError, errors.InputError),
        (errors.InvalidParameterError, errors.InputError),
        (errors.UnknownModelError, errors.NotFoundError),
        (errors.VersionNotLoadedError, errors.NotFoundError),
        (errors.QueueFullError, errors.UnavailableError),
        (errors.ModelNotReadyError, errors.UnavailableError),
        (errors.VerificationError, errors.ArtifactError),
        (errors.ConfigurationError, ConvserveError),
    ],
)
def test_an_error_belongs_to_its_branch(kind: type[ConvserveError], parent: type[ConvserveError]) -> None:
    """Who catches a branch catches all of it, and nothing of the next one."""
    assert kind.__mro__[1] is parent


def test_the_tree_drawn_at_the_top_of_the_file_names_every_class_under_its_branch() -> None:
    """The drawing is what a reader sees first, and it is right."""
    drawn = set(re.findall(r"\w+Error", errors.__doc__ or ""))
    assert drawn == {kind.__name__ for kind in CLASSES}
    branch = ""
    for line in (errors.__doc__ or "").splitlines():
        names = re.findall(r"\w+Error", line)
        if re.match(r"    [├└]", line):
            branch = names[0]
        elif re.match(r"    [│ ]   [├└│]", line):
            for name in names:
                assert getattr(errors, name).__mro__[1].__name__ == branch


def test_every_class_says_what_it_stands_for() -> None:
    """One sentence each."""
    for kind in CLASSES:
        assert (kind.__doc__ or "").endswith(".")


@pytest.mark.parametrize("file", sorted(Path(errors.__file__).parent.glob("*.py")), ids=lambda file: file.stem)
def test_the_room_imports_nothing_of_the_project(file: Path) -> None:
    """Every other room may raise from it."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    own = {module for module in modules if module.startswith("service.errors.")}
    assert modules - own <= {"__future__", "collections.abc", "pathlib"}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
