"""`training.finish`: what a trained run becomes can be decided again, without training again."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from service.engine.session import Session
from tests.training.conftest import PUBLICATION, Road, folder_arguments
from tests.training.data_sets import write_recipe
from training.__main__ import main
from training.data.preprocessing import INPUT_NAME
from training.learning.checkpoints import read_checkpoint
from training.publication.export import OUTPUT_NAME
from training.results.report import Report, read_report
from training.settings import Settings


@pytest.fixture
def folders(road: Road, tmp_path: Path) -> Settings:
    """Folders of the test's own, with the run in them."""
    shutil.copytree(road.settings.runs_dir, tmp_path / "runs")
    return dataclasses.replace(road.settings, runs_dir=tmp_path / "runs", models_dir=tmp_path / "models")


def _exported(folders: Settings, **export: object) -> Report:
    recipe = write_recipe(
        folders.runs_dir.parent / "shapes-lenet5.toml",
        publication=PUBLICATION,
        training={"epochs": 6},
        export=export,
    )
    assert main(["export", str(recipe), *folder_arguments(folders)]) == 0
    return read_report(folders.runs_dir / "shapes-lenet5" / "seed-1" / "report.json")


def test_moved_views_are_added_to_a_trained_run(road: Road, folders: Settings) -> None:
    """Each answer costs three times the multiply-adds; the weights stay what they were."""
    report = _exported(folders, shift_pixels=1)
    assert report.architecture.multiply_adds == 3 * road.report.architecture.multiply_adds
    assert report.architecture.parameters == road.report.architecture.parameters
    assert (report.model_sha256, report.recipe_digest) != (road.report.model_sha256, road.report.recipe_digest)
    before, after = (
        read_checkpoint(runs / "shapes-lenet5" / "seed-1" / "best.safetensors").part("network")
        for runs in (road.settings.runs_dir, folders.runs_dir)
    )
    assert all((before[name] == after[name]).all() for name in before)


def test_calibration_changes_how_sure_answers_are_and_none_of_them(road: Road, folders: Settings) -> None:
    """The temperature stands in the report and in the card, and the file's logits are divided by it."""
    report = _exported(folders, calibrate=True)
    assert report.temperature != 1
    assert report.evaluation.top1_error == road.report.evaluation.top1_error
    pictures = np.random.default_rng(0).normal(size=(4, 1, 28, 28)).astype(np.float32)
    files = (road.run / "model.onnx", folders.runs_dir / "shapes-lenet5" / "seed-1" / "model.onnx")
    plain_NK, calibrated_NK = (
        Session.load(file.read_bytes(), input_name=INPUT_NAME, output_name=OUTPUT_NAME).run(pictures) for file in files
    )
    ratios = [np.log(shares_NK[:, 0] / shares_NK[:, 1]) for shares_NK in (plain_NK, calibrated_NK)]
    np.testing.assert_allclose(ratios[0], ratios[1] * report.temperature, rtol=1e-3, atol=1e-4)
    assert main(["publish", str(folders.runs_dir.parent / "shapes-lenet5.toml"), *folder_arguments(folders)]) == 0
    card = (folders.models_dir / "shapes" / "1" / "README.md").read_text(encoding="utf-8")
    assert f"The logits are divided by {report.temperature:.3f}" in card
    assert "It looks at each picture" not in card
