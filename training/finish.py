"""A trained run becomes what can be published: its best epoch as ONNX, scores of that file, pictures, a report.

Evaluation comes after export on purpose: what is measured is what is deployed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import torch

from service.artifact import Architecture, Evaluation, Output, Provenance
from training import architectures
from training.data.preprocessing import normalized
from training.data.splits import Splits
from training.durable import write_durably
from training.environment import Environment
from training.experiment import Experiment, RunFolder
from training.figures.of_run import run_figures
from training.geometry.measure import measure
from training.learning.checkpoints import read_checkpoint
from training.learning.exported_form import temperature_of, with_views
from training.learning.history import EpochRecord, best_of
from training.learning.network import load_network
from training.learning.progress import Speaker
from training.learning.run_state import identity_of, require_same
from training.publication.evaluation import Predictions, load_session, predict
from training.publication.export import OUTPUT_NAME, PARITY_BATCHES, ExportedModel, export_model
from training.publication.scores import evaluation_of, reference_of
from training.results.report import Report, write_report
from training.settings import Settings

_OUTPUT = Output(tensor=OUTPUT_NAME, holds="probabilities")


def finish(experiment: Experiment, *, splits: Splits, settings: Settings, teller: Speaker) -> Report:
    """Export the best epoch of a trained run, evaluate the file, write the report.

    Raises:
        CheckpointError: Nothing was trained.
        ExportError: The file differs from the network.

    """
    folder = RunFolder.of(experiment, runs_dir=settings.runs_dir)
    exported, architecture = _export(experiment, splits=splits, folder=folder)
    write_durably(folder.model, exported.onnx)
    teller.say(
        f"{folder.model}: {len(exported.onnx) / 1000:,.0f} kB, equal to PyTorch on batches of "
        f"{', '.join(map(str, PARITY_BATCHES))} (largest difference of a logit {exported.largest_difference:.1e})"
    )
    session = load_session(exported.onnx, spec=splits.spec, output=_OUTPUT)
    predictions = predict(session, splits.test, spec=splits.spec, output=_OUTPUT)
    history = _history(folder)
    _draw(experiment, splits=splits, folder=folder, predictions=predictions, history=history)
    report = _report(
        experiment,
        splits=splits,
        folder=folder,
        exported=exported,
        architecture=architecture,
        predictions=predictions,
        history=history,
    )
    write_report(folder.report, report)
    teller.say(in_words(report.evaluation))
    return report


def in_words(evaluation: Evaluation) -> str:
    """Say scores in one line."""
    low, high = evaluation.top1_interval
    return (
        f"{evaluation.dataset} {evaluation.split}, {evaluation.n:,} pictures: top-1 error {evaluation.top1_error:.2%} "
        f"(95 % interval {low:.2%} to {high:.2%}), top-5 error {evaluation.top5_error:.2%}, "
        f"calibration error {evaluation.calibration_error:.2%}"
    )


def _export(experiment: Experiment, *, splits: Splits, folder: RunFolder) -> tuple[ExportedModel, Architecture]:
    _require_this_run(experiment, splits=splits, folder=folder)
    trained = load_network(folder.best, recipe=experiment.recipe, num_classes=len(splits.dataset.labels))
    network = with_views(trained, recipe=experiment.recipe)
    temperature = temperature_of(network, splits=splits) if experiment.recipe.export.calibrate else 1.0
    some_N = torch.arange(max(PARITY_BATCHES)) % len(splits.validation)
    images_NCHW = normalized(splits.validation.take(some_N), spec=splits.spec)
    geometry = measure(network, input_shape=(splits.spec.channels, splits.spec.height, splits.spec.width))
    name = experiment.recipe.network.architecture
    architecture = Architecture(
        name=name,
        paper=str(architectures.facts(name).paper),
        parameters=geometry.parameters,
        multiply_adds=geometry.multiply_adds,
    )
    return export_model(network, images_NCHW=images_NCHW, temperature=temperature), architecture


def _require_this_run(experiment: Experiment, *, splits: Splits, folder: RunFolder) -> None:
    """Refuse weights that another recipe or other pictures made: their scores would be those of another run."""
    found = read_checkpoint(folder.best).facts.get("identity", {})
    about_the_machine = {"processes", "precision"}  # of the training; an export needs neither
    same_run = {key: value for key, value in found.items() if key not in about_the_machine}
    require_same(identity_of(experiment, splits=splits), same_run, source=folder.best)


def _history(folder: RunFolder) -> list[EpochRecord]:
    return [EpochRecord(**record) for record in read_checkpoint(folder.last).facts["history"]]


def _draw(
    experiment: Experiment,
    *,
    splits: Splits,
    folder: RunFolder,
    predictions: Predictions,
    history: Sequence[EpochRecord],
) -> None:
    """Put the pictures of the run into its folder."""
    labels = splits.dataset.labels
    figures = run_figures(
        load_network(folder.best, recipe=experiment.recipe, num_classes=len(labels)),
        spec=splits.spec,
        example=splits.test[0],
        labels=labels,
        history=history,
        predictions=predictions,
    )
    folder.figures.mkdir(exist_ok=True)
    for name, png in figures.items():
        write_durably(folder.figures / name, png)


def _report(
    experiment: Experiment,
    *,
    splits: Splits,
    folder: RunFolder,
    exported: ExportedModel,
    architecture: Architecture,
    predictions: Predictions,
    history: list[EpochRecord],
) -> Report:
    best = best_of(history)
    name = Path(experiment.recipe.data.name).name
    return Report(
        recipe=experiment.recipe,
        changes=experiment.changes,
        recipe_digest=experiment.digest,
        data_source=name,
        training_pictures=len(splits.training),
        validation_pictures=len(splits.validation),
        validation_in_training=splits.twins.validation_in_training,
        test_in_training=splits.twins.test_in_training,
        best_epoch=best.epoch,
        validation_error=best.validation_error,
        labels=splits.dataset.labels,
        input=splits.spec,
        output=_OUTPUT,
        architecture=architecture,
        provenance=_provenance(experiment, splits=splits, folder=folder, history=history),
        model_sha256=hashlib.sha256(exported.onnx).hexdigest(),
        model_bytes=len(exported.onnx),
        largest_difference=exported.largest_difference,
        temperature=exported.temperature,
        evaluation=evaluation_of(predictions.probabilities_NK, predictions.labels_N, dataset=name, split="test"),
        reference=reference_of(predictions.probabilities_NK, predictions.brightness_N),
    )


def _provenance(experiment: Experiment, *, splits: Splits, folder: RunFolder, history: list[EpochRecord]) -> Provenance:
    environment = Environment(**json.loads(folder.environment.read_bytes()))
    return Provenance(
        recipe=experiment.name,
        seed=experiment.seed,
        commit=environment.commit,
        data_fingerprint=splits.fingerprint,
        versions=environment.versions,
        hardware=environment.hardware,
        minutes=sum(record.seconds for record in history) / 60,
        changes=experiment.changes,
    )
