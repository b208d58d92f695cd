"""`compare` and `table` for a group of recipes, from their arguments to the files they leave."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.training.conftest import folder_arguments
from tests.training.data_sets import write_recipe
from training.__main__ import main
from training.comparison.groups import Group, group_results, read_group
from training.results.report import read_report
from training.settings import Settings

GROUP = """
[[members]]
recipe = "linear"
title = "Logistic regression"
seeds = 2

[[members]]
recipe = "wide"
title = "AlexNet"
seeds = 1

[[claims]]
better = "wide"
worse = "linear"
"""


@pytest.fixture
def group(tmp_path: Path) -> Group:
    """Two recipes: one without the option `width`, one that has it."""
    folder = tmp_path / "history"
    folder.mkdir()
    write_recipe(folder / "linear.toml", network={"architecture": "logistic_regression"}, training={"epochs": 1})
    write_recipe(folder / "wide.toml", network={"architecture": "alexnet"}, training={"epochs": 1})
    (folder / "group.toml").write_text(GROUP)
    return read_group(folder)


def _compare(group: Group, settings: Settings, *more: str) -> int:
    return main(["compare", str(group.folder), "--device", "cpu", *folder_arguments(settings), *more])


def test_group_is_measured_and_written_by_one_command(
    capsys: pytest.CaptureFixture[str], group: Group, settings: Settings
) -> None:
    """Seeds as the group says, the width where there is one, latency and size, a table, a figure; resumed, no more."""
    assert _compare(group, settings, "--width", "0.05") == 0
    printed = capsys.readouterr().out
    assert printed.count("pictures to train") == 1  # decoded once for all
    results_dir = settings.runs_dir / "results"  # the width is a change, so nothing published is replaced
    measured = group_results(group, folder=results_dir)
    assert [(name, len(row.runs), row.width) for name, row in measured.items()] == [
        ("linear", 2, 1.0),
        ("wide", 1, 0.05),
    ]
    assert measured["wide"].recipe == "history/wide"
    assert measured["wide"].architecture.parameters < 20_000
    run = settings.runs_dir / "history" / "wide" / "seed-1"
    assert measured["wide"].model_bytes == (run / "model.onnx").stat().st_size
    for row in measured.values():
        assert row.single_picture is not None
        assert (row.single_picture.n, row.single_picture.threads) == (60, 1)
        assert row.single_picture.median_ms > 0
        assert "thread" not in row.single_picture.hardware  # those of torch have nothing to do with it
    assert "| AlexNet | 2014 | 0.05 |" in printed
    assert "AlexNet errs less often than Logistic regression: " in printed
    figure = results_dir / "history" / "error-against-multiply-adds.png"
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert "# Measured" not in (group.folder / "wide.toml").read_text()

    assert _compare(group, settings, "--width", "0.05", "--resume") == 0
    assert "epoch" not in capsys.readouterr().out.replace("1 epochs", "")
    again = group_results(group, folder=results_dir)
    assert {name: row.runs for name, row in again.items()} == {name: row.runs for name, row in measured.items()}

    document = settings.runs_dir.parent / "page.md"
    document.write_text("# Page\n<!-- history table begins -->\n<!-- history table ends -->\n")
    table = ["table", "--group", str(group.folder), "--results-dir", str(results_dir)]
    assert main([*table, "--write", str(document)]) == 0
    text = document.read_text()
    assert text.startswith("# Page\n<!-- history table begins -->\n| network |")
    link = os.path.relpath(figure.resolve(), document.parent.resolve())
    assert f"]({link})" in text
    assert main(table) == 0
    assert "| AlexNet | 2014 | 0.05 |" in capsys.readouterr().out


def test_resumed_comparison_exports_again_what_was_trained_alike(
    capsys: pytest.CaptureFixture[str], group: Group, settings: Settings
) -> None:
    """Where only the table [export] changed, no weight is trained anew."""
    assert _compare(group, settings) == 0
    run = settings.runs_dir / "history" / "linear" / "seed-1"
    before = read_report(run / "report.json")
    capsys.readouterr()
    assert _compare(group, settings, "--resume", "--set", "export.calibrate=true") == 0
    assert "training loss" not in capsys.readouterr().out
    after = read_report(run / "report.json")
    assert (before.temperature, after.recipe.export.calibrate) == (1.0, True)
    assert after.temperature != 1.0
    assert after.recipe_digest != before.recipe_digest
    assert after.validation_error == before.validation_error


def test_one_recipe_of_a_group_keeps_its_place_in_the_table(
    capsys: pytest.CaptureFixture[str], group: Group, settings: Settings, tmp_path: Path
) -> None:
    """Seeds from the command line, figures where they were asked to go, and the others named as not measured."""
    recipe = str(group.folder / "linear.toml")
    more = ["--seeds", "1", "--device", "cpu", "--results-dir", str(tmp_path / "figures")]
    assert main(["compare", recipe, *more, *folder_arguments(settings)]) == 0
    measured = group_results(group, folder=tmp_path / "figures")
    assert [(name, len(row.runs)) for name, row in measured.items()] == [("linear", 1)]
    printed = capsys.readouterr().out
    assert "history/linear, seed 1 of 1" in printed
    assert "| Logistic regression | 1958 |" in printed
    assert "Not measured yet: AlexNet." in printed


def test_unknown_group_is_refused_by_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    """With the names that exist."""
    assert main(["table", "--group", "progres"]) == 2
    assert "no group of recipes 'progres'; did you mean 'progress'" in capsys.readouterr().err
