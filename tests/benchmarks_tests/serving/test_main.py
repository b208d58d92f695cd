"""`python -m tests.benchmarks.serving`: which runs stand for the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.serving.__main__ import _parser, _place
from tests.benchmarks.serving.results import RESULT
from tests.benchmarks.serving.workplace import Workplace


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        ([], RESULT.name),
        (["--rounds", "5"], RESULT.name),
        (["--quick"], "quick.jsonl"),
        (["--only", "r20"], "part.jsonl"),
        (["--rivals", "Mosec"], "part.jsonl"),
        (["--overload", "0"], "part.jsonl"),
        (["--quick", "--out", "mine.jsonl"], "mine.jsonl"),
    ],
)
def test_only_a_whole_run_is_kept_as_the_projects(tmp_path: Path, arguments: list[str], file: str) -> None:
    """The README is made of the newest one, and a part of it would say that the rest was not measured."""
    place = _place(_parser().parse_args(arguments), Workplace.at(tmp_path))
    assert place.name == file
    assert (place == RESULT) == (file == RESULT.name)
