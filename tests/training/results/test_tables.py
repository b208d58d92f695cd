"""`training.results.tables`: figures are written into documents and recipes, never typed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.training.result_files import results as made
from training.errors import TrainingError
from training.results.over_seeds import all_results, write_results
from training.results.tables import between_marks, table, with_heading


def test_table_shows_each_recipe_with_mean_and_spread_the_worst_first(tmp_path: Path) -> None:
    """Within a data set the order is that of progress, and the hardware is named."""
    write_results(made(0.07, 0.08, name="better"), folder=tmp_path)
    write_results(made(0.16, name="worse"), folder=tmp_path)
    write_results(dataclasses.replace(made(0.5, name="other"), dataset="toys", n=372), folder=tmp_path)
    text = table(all_results(folder=tmp_path))
    assert "| worse | shapes (10,000) | 61,706 | 416,520 | 16.00 | 1.00 | 2.00 | 1 | 1.5 |" in text
    assert "| better | shapes (10,000) | 61,706 | 416,520 | 7.50 ± 0.71 | 1.00 ± 0.00 | 2.00 ± 0.00 | 2 | 1.5 |" in text
    assert "| other | toys (372) |" in text
    assert text.index("worse") < text.index("better") < text.index("other")
    assert "Minutes of 2 cores of X." in text


def test_table_replaces_the_one_between_the_marks() -> None:
    """What stands around it stays, and writing twice changes nothing."""
    document = "before\n<!-- training table begins -->\nold\n<!-- training table ends -->\nafter\n"
    once = between_marks(document, table([made(0.07)]), name="training")
    assert once.startswith("before\n<!-- training table begins -->\n| recipe |")
    assert once.endswith("<!-- training table ends -->\nafter\n")
    assert "old" not in once
    assert between_marks(once, table([made(0.07)]), name="training") == once


def test_document_without_marks_is_left_alone() -> None:
    """A table is put only where a place was made for it."""
    with pytest.raises(TrainingError, match="has no place for the table"):
        between_marks("text", "", name="training")


def test_heading_of_a_recipe_is_replaced_or_put_on_top() -> None:
    """The file says what it gave, in one line that is always the latest."""
    results = made(0.07, 0.08)
    line = (
        "# Measured: top-1 error 7.50 ± 0.71 % (n = 2 seeds, 10,000 test pictures), 1.5 minutes each on 2 cores of X\n"
    )
    assert with_heading("# A\n# Measured: old\n[network]\n", results) == f"# A\n{line}[network]\n"
    assert with_heading("[network]\n", results) == f"{line}[network]\n"
    assert with_heading(line, dataclasses.replace(results, hardware="Y")).endswith("on Y\n")
