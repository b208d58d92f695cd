"""The training story in order, up to the report; `release.py` tells its end.

    recipe -> pictures in disjoint splits -> network -> loop -> best checkpoint -> ONNX, proved equal
    -> evaluation of the ONNX file through the serving path -> report

Evaluation comes after export on purpose: what is measured is what is deployed.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from service.artifact import (
    Architecture,
    Evaluation,
    Output,
    Provenance,
)
from training import architectures
from training.checkpoints import read_checkpoint
from training.data import open_data
from training.devices import use_threads
from training.durable import write_durably
from training.environment import Environment, current_environment
from training.errors import CheckpointError, InterruptedRunError
from training.evaluation import load_session, predict
from training.experiment import Experiment, RunFolder
from training.export import OUTPUT_NAME, PARITY_BATCHES, ExportedModel, export_model
from training.fit import Fit, Reporter
from training.geometry import measure
from training.history import EpochRecord, best_of
from training.interruption import Interruption
from training.network import load_network
from training.preprocessing import normalized
from training.progress import Reporters
from training.recipe import Recipe
from training.report import Report, write_report
from training.scores import evaluation_of, reference_of
from training.settings import Settings
from training.splits import Normalization, Splits, make_splits
from training.starting import find_weights, read_weights
from training.tensorboard_log import TensorBoardLog

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_OUTPUT = Output(tensor=OUTPUT_NAME, holds="probabilities")


class Start(enum.Enum):
    """From where a run starts."""

    ANEW = "anew"  # unless an unfinished run would be lost
    RESUMED = "resumed"
    RESTARTED = "restarted"


class Teller(Reporter, Protocol):
    """Who is told how a run goes, and what happens around it."""

    def say(self, text: str) -> None:
        """Something happened that one line tells."""


def prepare(experiment: Experiment, *, settings: Settings, teller: Teller) -> Splits:
    """Find the pictures of an experiment and divide them.

    Raises:
        DataError: They are missing, unreadable or too few.

    """
    dataset = open_data(experiment.recipe.data.name, settings=settings)
    splits = make_splits(dataset, recipe=experiment.recipe, normalization=_normalization(experiment.recipe))
    teller.say(
        f"{splits.dataset.name} from {splits.dataset.source}: {len(splits.training):,} pictures to train, "
        f"{len(splits.validation):,} to validate, {len(splits.test):,} to test, {len(splits.dataset.labels)} classes; "
        f"identical across splits: {splits.twins.validation_in_training} of validation, "
        f"{splits.twins.test_in_training} of test"
    )
    return splits


def run(
    experiment: Experiment,
    *,
    splits: Splits,
    fabric: Fabric,
    settings: Settings,
    teller: Teller,
    start: Start,
) -> Report | None:
    """Train, export and evaluate one seed of a recipe; Ctrl-C ends it with its state saved.

    Returns:
        What came out; None on the further processes of a run, whose work ends with the training.

    Raises:
        InterruptedRunError: It was asked to stop and can be resumed.
        TrainingError: Anything else that `training.errors` lists.

    """
    folder = RunFolder.of(experiment, runs_dir=settings.runs_dir)
    if start is Start.ANEW and folder.is_unfinished:
        raise CheckpointError(
            f"{folder.path} holds an unfinished run; continue it with --resume or drop it with --restart."
        )
    use_threads(experiment.recipe.training.threads)
    if fabric.is_global_zero:
        environment = current_environment(fabric.device, processes=fabric.world_size)
        write_durably(folder.environment, json.dumps(dataclasses.asdict(environment), indent=2).encode() + b"\n")
    with Interruption() as interruption:
        Fit.set_up(
            fabric,
            experiment=experiment,
            splits=splits,
            folder=folder,
            reporter=Reporters(teller, TensorBoardLog(folder.tensorboard)) if fabric.is_global_zero else teller,
            wants_to_stop=lambda: interruption.requested,
            clock=time.monotonic,
        ).run(resume=start is Start.RESUMED)
    if interruption.requested:
        raise InterruptedRunError("Stopped after the last epoch; the state is saved.")
    return finish(experiment, splits=splits, settings=settings, teller=teller) if fabric.is_global_zero else None


def finish(experiment: Experiment, *, splits: Splits, settings: Settings, teller: Teller) -> Report:
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
    report = _evaluated(experiment, splits=splits, folder=folder, exported=exported, architecture=architecture)
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
    network = load_network(folder.best, recipe=experiment.recipe, num_classes=len(splits.dataset.labels))
    images_NCHW = normalized(splits.validation.pixels_NCHW[: max(PARITY_BATCHES)], spec=splits.spec)
    geometry = measure(network, input_shape=(splits.spec.channels, splits.spec.height, splits.spec.width))
    name = experiment.recipe.network.architecture
    architecture = Architecture(
        name=name,
        paper=str(architectures.facts(name).paper),
        parameters=geometry.parameters,
        multiply_adds=geometry.multiply_adds,
    )
    return export_model(network, images_NCHW=images_NCHW), architecture


def _evaluated(
    experiment: Experiment,
    *,
    splits: Splits,
    folder: RunFolder,
    exported: ExportedModel,
    architecture: Architecture,
) -> Report:
    session = load_session(exported.onnx, spec=splits.spec, output=_OUTPUT)
    predictions = predict(session, splits.test, spec=splits.spec, output=_OUTPUT)
    history = [EpochRecord(**record) for record in read_checkpoint(folder.last).facts["history"]]
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
    )


def _normalization(recipe: Recipe) -> Normalization | None:
    """Take mean and std from the weights that a run starts from, where its recipe says so."""
    if recipe.start is None or recipe.start.normalization == "training":
        return None
    weights = read_weights(find_weights(recipe.start.weights))
    if weights.normalization is None:
        raise CheckpointError(
            f'{weights.source} does not say with which mean and std it was trained; set start.normalization="training".'
        )
    return weights.normalization
