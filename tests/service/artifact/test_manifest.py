"""A manifest is written and read back as it is, and anything in it that is not the contract refuses the model."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.artifact import Manifest, dump_manifest, file_sha256, load_manifest, manifest_as_json
from service.errors import ManifestError
from tests.service.artifact.complete import complete_manifest

COMPLETE: Final[dict[str, Any]] = json.loads(dump_manifest(complete_manifest()))
OPTIONAL: Final = {
    ("assumed",), ("evaluation",), ("reference",), ("architecture",), ("provenance",), ("golden",),
    ("variants", 0, "top1_error"), ("variants", 0, "top5_error"), ("variants", 0, "evaluated"),
    ("variants", 0, "largest_difference"), ("provenance", "changes"),
    ("input", "preprocessing", "decode"), ("input", "batch"),
}  # fmt: skip
Place = tuple[str | int, ...]


def at(content: Any, path: Place) -> Any:
    """Find the value at a path."""
    for key in path:
        content = content[key]
    return content


def tables(content: Any, path: Place = ()) -> Iterator[Place]:
    """Find every table of fixed keys; only the first of a list is looked at, because its elements are alike."""
    if isinstance(content, dict):
        if path[-1:] not in (("versions",), ("probabilities",)):  # their keys are data
            yield path
        for key, value in content.items():
            yield from tables(value, (*path, key))
    elif isinstance(content, list) and content:
        yield from tables(content[0], (*path, 0))


def values(content: Any, path: Place = ()) -> Iterator[Place]:
    """Find every value that has a type of its own."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from values(value, (*path, key))
    elif isinstance(content, list):
        yield path
        if content:
            yield from values(content[0], (*path, 0))
    else:
        yield path


def load(tmp_path: Path, content: object) -> Manifest:
    """Write anything as JSON and read it as a manifest."""
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(content))
    return load_manifest(path)


def changed(path: Place, value: object) -> dict[str, Any]:
    """Copy the complete manifest with one value changed."""
    content = copy.deepcopy(COMPLETE)
    at(content, path[:-1])[path[-1]] = value
    return content


def name_of(path: Place) -> str:
    """Spell a path as messages do."""
    return ".".join(map(str, path))


def test_a_complete_manifest_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    """Every part of it comes back equal."""
    assert load(tmp_path, COMPLETE) == complete_manifest()


def test_a_manifest_from_before_fast_decoding_means_fast_and_a_new_one_says_it(tmp_path: Path) -> None:
    """Published folders stay valid as they are, and what they do by default can be read from any new one."""
    content = copy.deepcopy(COMPLETE)
    assert content["input"]["preprocessing"].pop("decode") == "fast"
    assert load(tmp_path, content).input.preprocessing.decode == "fast"
    exact = load(tmp_path, changed(("input", "preprocessing", "decode"), "exact"))
    assert json.loads(dump_manifest(exact))["input"]["preprocessing"]["decode"] == "exact"


@pytest.mark.parametrize("value", ["quick", "", "FAST", True, None])
def test_a_kind_of_decoding_that_does_not_exist_is_refused(tmp_path: Path, value: object) -> None:
    """A typing mistake is not taken for a default."""
    with pytest.raises(ManifestError, match=r"input\.preprocessing\.decode"):
        load(tmp_path, changed(("input", "preprocessing", "decode"), value))


def test_a_manifest_of_what_is_needed_alone_is_enough(tmp_path: Path) -> None:
    """Models from elsewhere have neither evaluation nor provenance nor samples."""
    content = {key: value for key, value in COMPLETE.items() if (key,) not in OPTIONAL}
    manifest = load(tmp_path, content)
    assert (manifest.golden, manifest.assumed) == ((), ())
    assert {manifest.evaluation, manifest.reference, manifest.architecture, manifest.provenance} == {None}


def test_a_manifest_is_written_for_people_too() -> None:
    """Indented, and ending with a newline."""
    data = dump_manifest(complete_manifest())
    assert data.startswith(b'{\n  "schema_version": 1,\n  "name": "pets",\n')
    assert data.endswith(b"}\n")


def test_the_plain_values_of_a_manifest_are_those_of_its_file() -> None:
    """What the API shows is what the file holds."""
    assert manifest_as_json(complete_manifest()) == COMPLETE


def test_a_manifest_in_memory_cannot_be_changed() -> None:
    """Neither itself nor its parts."""
    manifest = complete_manifest()
    for part, field in ((manifest, "name"), (manifest.input, "width"), (manifest.variants[0], "sha256")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(part, field, "x")


@pytest.mark.parametrize("path", list(tables(COMPLETE)), ids=name_of)
def test_an_unknown_key_is_refused_by_name_at_every_level(tmp_path: Path, path: Place) -> None:
    """A key with a typing mistake would otherwise silently take a default."""
    content = copy.deepcopy(COMPLETE)
    at(content, path)["surprise"] = 1
    with pytest.raises(ManifestError, match=rf"{name_of((*path, 'surprise'))}: Unexpected keyword argument"):
        load(tmp_path, content)


@pytest.mark.parametrize(
    "path",
    [(*path, key) for path in tables(COMPLETE) for key in at(COMPLETE, path) if (*path, key) not in OPTIONAL],
    ids=name_of,
)
def test_a_missing_key_is_refused_by_name_at_every_level(tmp_path: Path, path: Place) -> None:
    """Nothing that matters has a default."""
    content = copy.deepcopy(COMPLETE)
    del at(content, path[:-1])[path[-1]]
    with pytest.raises(ManifestError, match=f"{name_of(path)}: "):
        load(tmp_path, content)


WRONG: Final = {str: 7, bool: "yes", int: "7", float: "0.5", list: {"0": 1}, type(None): {}}


@pytest.mark.parametrize("path", list(values(COMPLETE)), ids=name_of)
def test_a_value_of_the_wrong_type_is_refused_by_name_at_every_level(tmp_path: Path, path: Place) -> None:
    """A number in quotes is no number, and a number is no text."""
    with pytest.raises(ManifestError, match=f"{name_of(path)}[.:]"):
        load(tmp_path, changed(path, WRONG[type(at(COMPLETE, path))]))


OUT_OF_RANGE: Final[list[tuple[Place, object]]] = [
    (("schema_version",), 2),
    (("name",), "Pets"), (("name",), ""), (("name",), "../pets"), (("name",), "x" * 65), (("name",), "pets\n"),
    (("version",), 0), (("version",), -1), (("version",), 1.5), (("version",), True),
    (("license",), ""),
    (("created_at",), "2026-01-02T03:04:05"), (("created_at",), "yesterday"),
    (("labels",), []), (("labels",), ["one"]), (("labels", 0), ""),
    (("variants",), []),
    (("input", "layout"), "CHWN"), (("input", "dtype"), "float64"), (("input", "channels"), 2),
    (("input", "height"), 0), (("input", "width"), -5), (("input", "width"), 8193), (("input", "tensor"), ""),
    (("input", "preprocessing", "color_mode"), "CMYK"), (("input", "preprocessing", "crop"), "corner"),
    (("input", "preprocessing", "background"), [0, 0]), (("input", "preprocessing", "background", 0), 256),
    (("input", "preprocessing", "scale"), 0.0), (("input", "preprocessing", "std", 0), 0.0),
    (("input", "preprocessing", "std", 0), -1.0), (("input", "preprocessing", "resize", "rule"), "longer_side"),
    (("input", "preprocessing", "resize", "size"), 0), (("input", "preprocessing", "resize", "size"), 8193),
    (("input", "preprocessing", "resize", "interpolation"), "cubic"),
    (("output", "holds"), "scores"), (("output", "tensor"), ""),
    (("variants", 0, "file"), "../model.onnx"), (("variants", 0, "file"), "/model.onnx"),
    (("variants", 0, "file"), "a/b/c.onnx"), (("variants", 0, "file"), ".hidden"), (("variants", 0, "file"), "a\\b"),
    (("variants", 0, "sha256"), "A" * 64), (("variants", 0, "sha256"), "a" * 63), (("variants", 0, "bytes"), 0),
    (("variants", 0, "precision"), "fp8"), (("variants", 0, "top1_error"), 1.01), (("variants", 0, "top5_error"), -0.1),
    (("variants", 0, "evaluated"), -1),
    (("evaluation", "n"), 0), (("evaluation", "top1_error"), 10.0), (("evaluation", "top1_interval"), [0.1]),
    (("evaluation", "calibration_error"), 2.0), (("evaluation", "split"), ""),
    (("reference", "confidence", "counts", 0), -1), (("reference", "class_shares", 0), 1.5),
    (("architecture", "parameters"), -1), (("provenance", "minutes"), -0.5), (("provenance", "seed"), 1.5),
    (("golden", 0, "file"), "../../etc/passwd"), (("golden", 0, "tolerance"), 0.0), (("golden", 0, "tolerance"), 1.0),
    (("golden", 0, "probabilities"), {"fp8": [0.9, 0.05, 0.05]}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value"), OUT_OF_RANGE, ids=lambda part: repr(part)[:60])
def test_a_value_outside_its_range_is_refused_by_name(tmp_path: Path, path: Place, value: object) -> None:
    """Names that are no names, paths that leave the folder, shares above 1 and sizes of nothing."""
    with pytest.raises(ManifestError, match=f"{name_of(path)}[.:]"):
        load(tmp_path, changed(path, value))


CONTRADICTIONS: Final[dict[str, tuple[Place, object, str]]] = {
    "a label twice": (("labels",), ["cat", "dog", "cat"], "labels must differ, and 'cat' occurs twice"),
    "a precision twice": (("variants", 1, "precision"), "fp32", "variants must differ, and 'fp32' occurs twice"),
    "an interval upside down": (("evaluation", "top5_interval"), [0.02, 0.01], "an interval runs from low to high"),
    "more wrong in five guesses": (
        ("evaluation", "top5_error"), 0.2, r"top5_error 0\.2 is above top1_error 0\.1"
    ),
    "a sigmoid for three": (("output", "holds"), "sigmoid", "two classes apart, and there are 3 labels"),
    "a logit for three": (("output", "holds"), "logit", "one logit tells two classes apart, and there are 3 labels"),
    "shares of two": (("reference", "class_shares"), [0.5, 0.5], "class_shares needs 3 values"),
    "a sample of two": (
        ("golden", 0, "probabilities", "int8"), [0.5, 0.5], r"golden samples/cat\.png: int8 has 2 prob.* for 3 labels"
    ),
    "a sample for one variant": (
        ("golden", 0, "probabilities"), {"fp32": [0.9, 0.05, 0.05]}, "no probabilities for int8"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_two_fields_that_contradict_each_other_are_refused_with_both_facts(tmp_path: Path, case: str) -> None:
    """Each alone would be fine."""
    path, value, message = CONTRADICTIONS[case]
    with pytest.raises(ManifestError, match=message):
        load(tmp_path, changed(path, value))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "Invalid JSON: EOF"),
        (b"{", "Invalid JSON"),
        (b"[]", "manifest: "),
        (b"null", "manifest: "),
        (b"\xff\xfe", "Invalid JSON"),
        (b'{"name": "\xff"}', "Invalid JSON"),
        (b"[" * 100_000, "Invalid JSON"),
        (dump_manifest(complete_manifest()).replace(b"12.5", b"NaN"), "provenance.minutes"),
        (dump_manifest(complete_manifest()).replace(b"12.5", b"Infinity"), "provenance.minutes"),
        (dump_manifest(complete_manifest())[:-10], "Invalid JSON"),
    ],
    ids=["empty", "open", "list", "null", "no text", "text with no text", "deep", "NaN", "infinite", "cut short"],
)
def test_a_file_that_holds_no_manifest_is_refused_with_its_path(tmp_path: Path, data: bytes, message: str) -> None:
    """Whatever the bytes are, the error is ours and says where the file lies."""
    path = tmp_path / "manifest.json"
    path.write_bytes(data)
    with pytest.raises(ManifestError, match=message) as caught:
        load_manifest(path)
    assert caught.value.path == path


def test_a_file_that_is_not_there_or_no_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    """The operating system's own words."""
    with pytest.raises(ManifestError, match=r"cannot be read \(No such file"):
        load_manifest(tmp_path / "manifest.json")
    with pytest.raises(ManifestError, match=r"cannot be read \(Is a directory"):
        load_manifest(tmp_path)


def test_a_file_larger_than_any_manifest_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """The file has a hole of 65 megabytes."""
    path = tmp_path / "manifest.json"
    with path.open("wb") as stream:
        stream.truncate(65 * 2**20)
    with pytest.raises(ManifestError, match="has more than 67108864 bytes"):
        load_manifest(path)


def test_many_mistakes_are_told_five_at_a_time(tmp_path: Path) -> None:
    """One line that a person can read, and the number of the others."""
    content = {**COMPLETE, **{f"key{number}": 1 for number in range(8)}}
    with pytest.raises(ManifestError, match=r"key0: .*key4: [^;]*; and 3 more$"):
        load(tmp_path, content)


PLAIN: Final = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
ANYTHING: Final = PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(st.text(max_size=5), PLAIN, max_size=3)


@settings(max_examples=150, deadline=None)
@given(path=st.sampled_from(list(values(COMPLETE))), value=ANYTHING)
def test_any_change_of_one_value_gives_a_manifest_or_a_manifest_error(
    tmp_path_factory: pytest.TempPathFactory, path: Place, value: object
) -> None:
    """Whatever JSON stands in the place of a value, nothing but these two comes of it."""
    content = changed(path, value)
    try:
        manifest = load(tmp_path_factory.getbasetemp(), content)
    except ManifestError:
        return
    assert load(tmp_path_factory.getbasetemp(), manifest_as_json(manifest)) == manifest


@pytest.mark.parametrize(
    ("precision", "file"), [(None, "model.onnx"), ("fp32", "model.onnx"), ("int8", "model.int8.onnx"), ("fp16", None)]
)
def test_a_variant_is_found_by_its_precision_and_without_one_the_first_is_meant(
    precision: str | None, file: str | None
) -> None:
    """The order in the manifest is the publisher's choice."""
    variant = complete_manifest().variant(precision)
    assert (variant and variant.file) == file


def test_a_file_is_hashed_as_the_standard_library_hashes_its_bytes(tmp_path: Path) -> None:
    """Lower-case hexadecimal of SHA-256, for files of any size."""
    path = tmp_path / "file"
    for data in (b"", b"abc", bytes(3_000_000)):
        path.write_bytes(data)
        assert file_sha256(path) == hashlib.sha256(data).hexdigest()
