"""The whole road on a small data set, from a recipe file to a published folder that loads and classifies."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from service.artifact import MANIFEST_NAME, load_manifest
from service.engine.postprocessing import to_probabilities, top_k
from service.engine.preprocessing import decode, to_tensor
from service.engine.session import Session
from tests.training.conftest import Road
from tests.training.data_sets import LABELS, shape_picture
from training.errors import CheckpointError
from training.learning.checkpoints import read_checkpoint
from training.publication.publish import verify
from training.results.report import best_seed, read_report


def test_train_ends_with_a_published_folder_that_verifies(road: Road) -> None:
    """One command goes from a recipe to a folder whose hashes and golden samples hold."""
    assert road.status == 0, road.output
    assert verify(road.model).labels == LABELS
    assert sorted(path.name for path in road.model.iterdir()) == [
        "README.md",
        "figures",
        MANIFEST_NAME,
        "model.onnx",
        "samples",
        "weights.safetensors",
    ]


def test_published_model_classifies_as_the_service_will(road: Road) -> None:
    """Decoder, preprocessing, session and top-k of the service, fed by the manifest alone, name each sample."""
    manifest = load_manifest(road.model / MANIFEST_NAME)
    session = Session.load(
        (road.model / manifest.variants[0].file).read_bytes(),
        input_name=manifest.input.tensor,
        output_name=manifest.output.tensor,
    )
    assert [sample.file for sample in manifest.golden] == [
        "samples/lying-bar.png",
        "samples/standing-bar.png",
        "samples/block.png",
    ]
    for index, sample in enumerate(manifest.golden):
        picture = decode((road.model / sample.file).read_bytes(), max_pixels=10_000)
        values = session.run(to_tensor(picture, manifest.input)[None])
        ((best, probability),) = top_k(to_probabilities(values, holds=manifest.output.holds)[0], k=1)
        assert best == index
        assert probability == pytest.approx(max(sample.probabilities["fp32"]), abs=sample.tolerance)


def test_network_learned_what_there_is_to_learn(road: Road) -> None:
    """Six epochs tell the shapes apart, and the scores say so; chance would be wrong in two of three."""
    assert road.report.evaluation.n == 60
    assert road.report.evaluation.top1_error < 0.1
    assert road.report.validation_error < 0.1


def test_samples_are_test_pictures_byte_for_byte(road: Road) -> None:
    """Golden samples are neither re-encoded nor taken from what was trained on."""
    test_pixels = [shape_picture(number % 3, seed=100_000 + number) for number in range(60)]
    for sample in load_manifest(road.model / MANIFEST_NAME).golden:
        data = (road.model / sample.file).read_bytes()
        assert hashlib.sha256(data).hexdigest() == sample.sha256
        pixels = np.asarray(decode(data, max_pixels=10_000).image)
        assert any(np.array_equal(pixels, other) for other in test_pixels)


def test_manifest_tells_how_to_make_the_model_again(road: Road) -> None:
    """Recipe, seed, data, versions, hardware and time stand in it; the architecture is counted, not claimed."""
    manifest = load_manifest(road.model / MANIFEST_NAME)
    assert manifest.provenance is not None
    assert manifest.architecture is not None
    assert manifest.reference is not None
    assert (manifest.provenance.recipe, manifest.provenance.seed) == ("shapes-lenet5", 1)
    assert len(manifest.provenance.data_fingerprint) == 64
    assert manifest.provenance.minutes > 0
    assert manifest.architecture.parameters == 61_706 - 7 * 85  # three classes instead of ten
    assert sum(manifest.reference.confidence.counts) == 60


def test_run_folder_holds_recipe_log_environment_and_checkpoints(road: Road) -> None:
    """A run can be read, repeated and continued from its folder."""
    assert json.loads((road.run / "recipe.json").read_text())["training"]["epochs"] == 6
    assert json.loads((road.run / "environment.json").read_text())["versions"]["torch"]
    with (road.run / "log.csv").open() as stream:
        assert [row["epoch"] for row in csv.DictReader(stream)] == ["1", "2", "3", "4", "5", "6"]
    history = read_checkpoint(road.run / "last.safetensors").facts["history"]
    best = read_checkpoint(road.run / "best.safetensors").facts["record"]
    assert best["epoch"] == road.report.best_epoch
    assert best["validation_error"] == min(record["validation_error"] for record in history)
    assert not list(road.run.rglob("*.pt"))


def test_output_is_lines_that_tell_the_story(road: Road) -> None:
    """In a log there are no bars and no control characters: data, epochs, file, scores, place."""
    lines = road.output.splitlines()
    assert "180 pictures to train, 60 to validate, 60 to test, 3 classes" in lines[0]
    assert "identical across splits: 0 of validation, 0 of test" in lines[0]
    assert [line.split()[1] for line in lines[1:7]] == [f"{epoch}/6" for epoch in range(1, 7)]
    assert "equal to PyTorch on batches of 1, 2, 7" in lines[7]
    assert "top-1 error" in lines[8]
    assert lines[9] == f"published {road.model}"
    assert len(lines) == 10
    assert "\x1b" not in road.output


def test_best_seed_is_chosen_by_validation_among_runs_of_the_same_recipe(road: Road) -> None:
    """A run of a changed recipe does not compete, and without any run there is nothing to choose."""
    digest, runs_dir = road.report.recipe_digest, road.settings.runs_dir
    assert best_seed("shapes-lenet5", digest=digest, runs_dir=runs_dir) == 1
    with pytest.raises(CheckpointError, match="No run of shapes-lenet5 as the recipe stands is finished"):
        best_seed("shapes-lenet5", digest="another", runs_dir=runs_dir)


def test_unfinished_run_has_no_report(tmp_path: Path) -> None:
    """A report stands for a complete run; without one, the way on is said."""
    with pytest.raises(CheckpointError, match=r"no finished run in .*train first, or --resume"):
        read_report(tmp_path / "report.json")
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(CheckpointError, match="make it again with `export`"):
        read_report(tmp_path / "report.json")
