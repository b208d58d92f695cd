"""The training story in order; the only module that knows all the others.

    recipe -> pictures in disjoint splits -> network -> loop -> best checkpoint -> ONNX, proved equal
    -> evaluation of the ONNX file through the serving path -> report -> card and manifest -> models/<name>/<version>

Evaluation comes after export on purpose: what is measured is what is deployed.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from service.artifact import (
    MANIFEST_NAME,
    Architecture,
    Evaluation,
    Output,
    Provenance,
    dump_manifest,
)
from training import architectures
from training.checkpoints import read_checkpoint
from training.data import DataSet, open_data
from training.devices import use_threads
from training.durable import write_durably
from training.environment import Environment, current_environment
from training.errors import CheckpointError, InterruptedRunError
from training.evaluation import load_session, predict
from training.experiment import Experiment, RunFolder
from training.export import OUTPUT_NAME, PARITY_BATCHES, ExportedModel, export_model
from training.fit import Fit, Reporter
from training.geometry import measure
from training.golden import choose_samples, golden_sample
from training.history import EpochRecord, best_of
from training.interruption import Interruption
from training.model_card import CARD_FILE, MODEL_FILE, card_of, manifest_of, publication_of
from training.network import load_network
from training.preprocessing import normalized
from training.publish import Files, publish
from training.report import Report, read_report, write_report
from training.results import Results
from training.scores import evaluation_of, reference_of
from training.settings import Settings
from training.splits import Splits, make_splits

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
    splits = make_splits(open_data(experiment.recipe.data.name, settings=settings), recipe=experiment.recipe)
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
            reporter=teller,
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


def publish_run(
    experiment: Experiment,
    *,
    settings: Settings,
    dataset: DataSet,
    results: Results | None,
    version: int | None,
    teller: Teller,
) -> Path:
    """Publish what a finished run made.

    Args:
        experiment: Recipe and seed.
        settings: Folders.
        dataset: Whose test pictures give the golden samples.
        results: Published figures of the recipe; left out of the card where they are of another recipe.
        version: None takes the next free one.
        teller: Told where it went.

    Raises:
        CheckpointError: The run is not finished.
        PublicationError: The version exists, or the folder does not verify.

    """
    folder = RunFolder.of(experiment, runs_dir=settings.runs_dir)
    report = read_report(folder.report)
    name = publication_of(report).model
    figures = results if results is not None and results.recipe_digest == report.recipe_digest else None
    path = publish(
        settings.models_dir,
        name=name,
        version=version,
        files_of=lambda number: _files(
            report, model=folder.model.read_bytes(), dataset=dataset, results=figures, version=number
        ),
    )
    teller.say(f"published {path}")
    return path


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


def _files(report: Report, *, model: bytes, dataset: DataSet, results: Results | None, version: int) -> Files:
    """Make everything that stands in the folder of a version."""
    examples = tuple(dataset.examples("test"))
    session = load_session(model, spec=report.input, output=report.output)
    predictions = predict(session, examples, spec=report.input, output=report.output)
    wanted = publication_of(report).samples == "test"
    samples = choose_samples(examples, predictions, labels=report.labels) if wanted else []
    golden = [
        golden_sample(sample, session=session, spec=report.input, output=report.output, precision="fp32")
        for sample in samples
    ]
    manifest = manifest_of(report, version=version, created_at=datetime.now(UTC), golden=golden)
    return {
        MODEL_FILE: model,
        CARD_FILE: card_of(manifest, report, results=results).encode(),
        MANIFEST_NAME: dump_manifest(manifest),
        **{sample.file: sample.example.encoded for sample in samples},
    }
