"""`training.results.over_seeds`: what each seed gave, gathered from reports and kept in a file."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.training.conftest import Road
from tests.training.result_files import results as made
from training.errors import TrainingError
from training.recipe import Option
from training.results.over_seeds import Results, Spread, read_results, write_results


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
    assert found.model_bytes == (road.run / "model.onnx").stat().st_size
    assert (found.width, found.single_picture) == (1.0, None)


@pytest.mark.parametrize(("options", "width"), [({}, 1.0), ({"width": 0.25}, 0.25), ({"width": 2}, 2.0)])
def test_width_of_the_network_is_kept(road: Road, options: dict[str, Option], width: float) -> None:
    """A table of networks at a quarter of their width says so; a whole number is a width too."""
    recipe = dataclasses.replace(
        road.report.recipe, network=dataclasses.replace(road.report.recipe.network, options=options)
    )
    assert Results.of("a", [dataclasses.replace(road.report, recipe=recipe)]).width == width


def test_written_results_come_back(tmp_path: Path) -> None:
    """And a recipe without results has none."""
    path = write_results(made(0.07, 0.08), folder=tmp_path)
    assert path == tmp_path / "recipe-a.json"
    assert read_results("recipe-a", folder=tmp_path) == made(0.07, 0.08)
    assert read_results("recipe-b", folder=tmp_path) is None


def test_damaged_results_are_refused(tmp_path: Path) -> None:
    """A typo made by hand in a result does not become a published figure."""
    (tmp_path / "recipe-a.json").write_text('{"recipe": "recipe-a"}')
    with pytest.raises(TrainingError, match=r"recipe-a\.json is damaged; measure again with `compare recipe-a`"):
        read_results("recipe-a", folder=tmp_path)
