"""`model_card`: the card says what the report says, and the manifest says what the service needs."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest
import yaml

from service.artifact import Manifest
from tests.training.conftest import Road
from training.errors import PublicationError
from training.publication.model_card import card_of, manifest_of
from training.recipe import Start
from training.results.over_seeds import Results
from training.results.report import Report

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def _manifest(report: Report) -> Manifest:
    return manifest_of(report, version=3, created_at=NOW, golden=())


def test_manifest_takes_every_figure_from_the_report(road: Road) -> None:
    """Scores stand in the evaluation and beside the file they were measured on."""
    report = road.report
    manifest = _manifest(report)
    assert (manifest.name, manifest.version, manifest.license) == ("shapes", 3, "mit")
    assert manifest.evaluation == report.evaluation
    assert manifest.reference == report.reference
    assert manifest.provenance == report.provenance
    (variant,) = manifest.variants
    assert (variant.sha256, variant.bytes) == (report.model_sha256, report.model_bytes)
    assert (variant.top1_error, variant.evaluated) == (report.evaluation.top1_error, report.evaluation.n)
    assert variant.largest_difference == report.largest_difference


def test_recipe_without_a_model_name_cannot_be_published(road: Road) -> None:
    """A baseline is measured and not shipped, and the way to change that is said."""
    recipe = dataclasses.replace(road.report.recipe, publication=None)
    with pytest.raises(PublicationError, match=r"names no model; give it a table \[publication\]"):
        _manifest(dataclasses.replace(road.report, recipe=recipe))


def test_front_matter_is_what_the_hub_reads(road: Road) -> None:
    """Licence, data, metrics and tags in YAML between two rules, with the measured accuracy."""
    card = card_of(_manifest(road.report), road.report, results=None)
    _, front, text = card.split("---\n", 2)
    found = yaml.safe_load(front)
    assert (found["license"], found["pipeline_tag"], found["library_name"]) == ("mit", "image-classification", "onnx")
    assert found["datasets"] == ["shapes"]
    assert {"onnx", "lenet5", "shapes"} <= set(found["tags"])
    (result,) = found["model-index"][0]["results"]
    assert result["metrics"][0]["value"] == pytest.approx(1 - road.report.evaluation.top1_error, abs=1e-4)
    assert text.lstrip().startswith("# Shapes\n")


def test_card_shows_figures_classes_input_and_how_to_repeat(road: Road) -> None:
    """A reader learns how good it is, what goes in and how it was made."""
    report = road.report
    card = card_of(_manifest(report), report, results=None)
    assert f"| top-1 error | {report.evaluation.top1_error:.2%} |" in card
    assert "lying bar, Standing/bar, block" in card
    assert "[N, 1, 28, 28] (NCHW)" in card
    assert f"less a mean of {report.input.preprocessing.mean[0]:.4f}" in card
    assert "python -m training train shapes-lenet5 --seed 1" in card
    assert report.provenance.versions["torch"] in card
    assert "seeds the recipe gave" not in card


def test_card_says_from_which_weights_a_network_began(road: Road) -> None:
    """Their pictures have terms of their own; a network that began from nothing says nothing."""
    assert "Began with" not in card_of(_manifest(road.report), road.report, results=None)
    recipe = dataclasses.replace(road.report.recipe, start=Start(weights="models/cifar10"))
    report = dataclasses.replace(road.report, recipe=recipe)
    assert "- Began with: models/cifar10; on what terms" in card_of(_manifest(report), report, results=None)


def test_command_to_repeat_holds_what_was_changed(road: Road) -> None:
    """A run that departed from its recipe says how."""
    report = dataclasses.replace(road.report, changes=("training.epochs=6", 'data.name="my shapes"'))
    card = card_of(_manifest(report), report, results=None)
    assert "--seed 1 --set training.epochs=6 --set 'data.name=\"my shapes\"'" in card


def test_card_with_several_seeds_says_which_one_this_is(road: Road) -> None:
    """Mean and deviation over seeds stand beside the figures of the one that is published, and the choice is told."""
    report = road.report
    results = Results.of("shapes-lenet5", [report])
    worse, better = (dataclasses.replace(results.runs[0], seed=2, validation_error=error) for error in (0.9, -0.1))
    chosen = card_of(_manifest(report), report, results=dataclasses.replace(results, runs=(results.runs[0], worse)))
    other = card_of(_manifest(report), report, results=dataclasses.replace(results, runs=(results.runs[0], better)))
    assert "Over 2 seeds the recipe gave a top-1 error of" in chosen
    assert "the one of the lowest validation error" in chosen
    assert "another run of the same recipe" in other
