"""`training.results`: published figures are read from files and written into documents, never typed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.training.conftest import Road
from tests.training.result_files import results as made
from training.errors import TrainingError
from training.groups import Group, Member
from training.recipe import Option
from training.results import (
    Results,
    Spread,
    all_results,
    group_results,
    read_results,
    table,
    with_heading,
    with_table,
    write_results,
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


def test_figures_of_a_group_lie_in_its_folder_and_in_no_other_table(tmp_path: Path) -> None:
    """Those not measured yet are left out."""
    group = Group(tmp_path / "shapes", (_member("one"), _member("two")), ())
    path = write_results(made(0.07, name="shapes/one"), folder=tmp_path)
    assert path == tmp_path / "shapes" / "one.json"
    assert list(group_results(group, folder=tmp_path)) == ["one"]
    assert all_results(folder=tmp_path) == []


def _member(name: str) -> Member:
    return Member(recipe=name, title=name, seeds=1)


def test_damaged_results_are_refused(tmp_path: Path) -> None:
    """A typo made by hand in a result does not become a published figure."""
    (tmp_path / "recipe-a.json").write_text('{"recipe": "recipe-a"}')
    with pytest.raises(TrainingError, match=r"recipe-a\.json is damaged; measure again with `compare recipe-a`"):
        read_results("recipe-a", folder=tmp_path)


def test_table_shows_each_recipe_with_mean_and_spread_the_worst_first(tmp_path: Path) -> None:
    """The order is that of progress, and the hardware is named."""
    write_results(made(0.07, 0.08, name="better"), folder=tmp_path)
    write_results(made(0.16, name="worse"), folder=tmp_path)
    text = table(all_results(folder=tmp_path))
    assert "| worse | 61,706 | 416,520 | 16.00 | 1.00 | 2.00 | 1 | 1.5 |" in text
    assert "| better | 61,706 | 416,520 | 7.50 ± 0.71 | 1.00 ± 0.00 | 2.00 ± 0.00 | 2 | 1.5 |" in text
    assert text.index("worse") < text.index("better")
    assert "shapes, 10,000 test pictures, 2 cores of X" in text


def test_table_replaces_the_one_between_the_marks() -> None:
    """What stands around it stays, and writing twice changes nothing."""
    document = "before\n<!-- training table begins -->\nold\n<!-- training table ends -->\nafter\n"
    once = with_table(document, [made(0.07)])
    assert once.startswith("before\n<!-- training table begins -->\n| recipe |")
    assert once.endswith("<!-- training table ends -->\nafter\n")
    assert "old" not in once
    assert with_table(once, [made(0.07)]) == once


def test_document_without_marks_is_left_alone() -> None:
    """A table is put only where a place was made for it."""
    with pytest.raises(TrainingError, match="has no place for the table"):
        with_table("text", [])


def test_heading_of_a_recipe_is_replaced_or_put_on_top() -> None:
    """The file says what it gave, in one line that is always the latest."""
    results = made(0.07, 0.08)
    line = (
        "# Measured: top-1 error 7.50 ± 0.71 % (n = 2 seeds, 10,000 test pictures), 1.5 minutes each on 2 cores of X\n"
    )
    assert with_heading("# A\n# Measured: old\n[network]\n", results) == f"# A\n{line}[network]\n"
    assert with_heading("[network]\n", results) == f"{line}[network]\n"
    assert with_heading(line, dataclasses.replace(results, hardware="Y")).endswith("on Y\n")
