"""`training.results`: published figures are read from files and written into documents, never typed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from service.artifact import Architecture
from tests.training.conftest import Road
from training.errors import TrainingError
from training.results import (
    Results,
    SeedResult,
    Spread,
    all_results,
    read_results,
    table,
    with_heading,
    with_table,
    write_results,
)


def _results(*errors: float, name: str = "recipe-a") -> Results:
    return Results(
        recipe=name,
        recipe_digest="abc",
        dataset="shapes",
        n=10_000,
        epochs=3,
        architecture=Architecture(name="lenet5", paper="p", parameters=61_706, multiply_adds=416_520),
        hardware="2 cores of X",
        runs=tuple(
            SeedResult(
                seed=seed,
                top1_error=error,
                top5_error=0.01,
                calibration_error=0.02,
                validation_error=error,
                best_epoch=3,
                minutes=1.5,
            )
            for seed, error in enumerate(errors, start=1)
        ),
    )


def test_spread_is_mean_and_sample_deviation() -> None:
    """Three values by hand: mean 0.08, deviation 0.01."""
    spread = Spread.of([0.07, 0.08, 0.09])
    assert spread.mean == pytest.approx(0.08)
    assert spread.deviation == pytest.approx(0.01)
    assert spread.n == 3
    assert spread.percent() == "8.00 ± 1.00"


def test_one_seed_has_no_deviation() -> None:
    """A spread of one value is unknown, not zero."""
    assert Spread.of([0.0755]).percent() == "7.55"


def test_reports_of_several_seeds_become_results(road: Road) -> None:
    """What a report says of a run stands in the results unchanged."""
    report = road.report
    found = Results.of("shapes-lenet5", [report, report])
    assert found.recipe_digest == report.recipe_digest
    assert found.runs[0].top1_error == report.evaluation.top1_error
    assert found.runs[1].minutes == report.provenance.minutes
    assert found.spread("top1_error").deviation == 0.0


def test_written_results_come_back(tmp_path: Path) -> None:
    """And a recipe without results has none."""
    path = write_results(_results(0.07, 0.08), folder=tmp_path)
    assert path == tmp_path / "recipe-a.json"
    assert read_results("recipe-a", folder=tmp_path) == _results(0.07, 0.08)
    assert read_results("recipe-b", folder=tmp_path) is None


def test_damaged_results_are_refused(tmp_path: Path) -> None:
    """A typo made by hand in a result does not become a published figure."""
    (tmp_path / "recipe-a.json").write_text('{"recipe": "recipe-a"}')
    with pytest.raises(TrainingError, match=r"recipe-a\.json is damaged; measure again with `compare recipe-a`"):
        read_results("recipe-a", folder=tmp_path)


def test_table_shows_each_recipe_with_mean_and_spread_the_worst_first(tmp_path: Path) -> None:
    """The order is that of progress, and the hardware is named."""
    write_results(_results(0.07, 0.08, name="better"), folder=tmp_path)
    write_results(_results(0.16, name="worse"), folder=tmp_path)
    text = table(all_results(folder=tmp_path))
    assert "| worse | 61,706 | 416,520 | 16.00 | 1.00 | 2.00 | 1 | 1.5 |" in text
    assert "| better | 61,706 | 416,520 | 7.50 ± 0.71 | 1.00 ± 0.00 | 2.00 ± 0.00 | 2 | 1.5 |" in text
    assert text.index("worse") < text.index("better")
    assert "shapes, 10,000 test pictures, 2 cores of X" in text


def test_table_replaces_the_one_between_the_marks() -> None:
    """What stands around it stays, and writing twice changes nothing."""
    document = "before\n<!-- training table begins -->\nold\n<!-- training table ends -->\nafter\n"
    once = with_table(document, [_results(0.07)])
    assert once.startswith("before\n<!-- training table begins -->\n| recipe |")
    assert once.endswith("<!-- training table ends -->\nafter\n")
    assert "old" not in once
    assert with_table(once, [_results(0.07)]) == once


def test_document_without_marks_is_left_alone() -> None:
    """A table is put only where a place was made for it."""
    with pytest.raises(TrainingError, match="has no place for the table"):
        with_table("text", [])


def test_heading_of_a_recipe_is_replaced_or_put_on_top() -> None:
    """The file says what it gave, in one line that is always the latest."""
    results = _results(0.07, 0.08)
    line = (
        "# Measured: top-1 error 7.50 ± 0.71 % (n = 2 seeds, 10,000 test pictures), 1.5 minutes each on 2 cores of X\n"
    )
    assert with_heading("# A\n# Measured: old\n[network]\n", results) == f"# A\n{line}[network]\n"
    assert with_heading("[network]\n", results) == f"{line}[network]\n"
    assert with_heading(line, dataclasses.replace(results, hardware="Y")).endswith("on Y\n")
