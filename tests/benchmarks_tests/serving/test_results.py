"""`tests.benchmarks.serving.results` and `readme`: one line per run, and a README that is generated from the newest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks.serving.figures import OURS, Figures, Key
from tests.benchmarks.serving.readme import BEGINS, ENDS, README, block, updated
from tests.benchmarks.serving.results import RESULT, Result, append, facts, newest

KEY = Key("r50", OURS, "as it comes", "rate_per_s", 8)


def test_runs_are_added_and_the_newest_is_read(tmp_path: Path) -> None:
    """Earlier runs stay; each is one line that any reader of JSON takes."""
    path = tmp_path / "results" / "serving.jsonl"
    first = Result({"rounds": 1}, ("a note",), Figures({KEY: [48.0]}))
    second = Result({"rounds": 2}, (), Figures({KEY: [49.0, 50.0]}))
    append(first, path)
    append(second, path)
    assert newest(path) == second
    assert [json.loads(line)["rounds"] for line in path.read_text(encoding="utf-8").splitlines()] == [1, 2]


def test_facts_say_on_what_was_measured() -> None:
    """Figures without machine and versions are worth nothing."""
    known = facts(rounds=3, cell_s=4.0)
    assert "core" in known["machine"]
    assert "commit" in known
    assert known["versions"]["onnxruntime"]
    assert json.loads(json.dumps(known)) == known


def test_block_replaces_what_stood_between_the_marks() -> None:
    """What stands around it stays."""
    text = f"before\n{BEGINS}\nold\n{ENDS}\nafter\n"
    assert updated(text, "new") == f"before\n{BEGINS}\nnew\n{ENDS}\nafter\n"
    assert updated(updated(text, "new"), "new") == updated(text, "new")


def test_readme_without_marks_is_refused() -> None:
    """Nothing is written into a place that nobody chose."""
    with pytest.raises(ValueError, match="no marks"):
        updated("before", "new")


def test_readme_shows_the_newest_run_of_the_project() -> None:
    """Nobody typed a figure; and where there are figures, they are shown."""
    text = README.read_text(encoding="utf-8")
    assert (BEGINS in text) == RESULT.exists()
    if RESULT.exists():
        assert updated(text, block(newest(RESULT))) == text
