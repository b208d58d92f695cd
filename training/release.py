"""A finished run becomes a version of a model: card, manifest, golden samples, weights, all in one folder at once.

Nothing is trained or measured here; what the report of the run says is written down.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from service.artifact import MANIFEST_NAME, dump_manifest
from training.checkpoints import checkpoint_bytes, read_checkpoint
from training.data import DataSet
from training.evaluation import load_session, predict
from training.experiment import Experiment, RunFolder
from training.golden import choose_samples, golden_sample
from training.model_card import CARD_FILE, MODEL_FILE, card_of, manifest_of, publication_of
from training.pipeline import Teller
from training.publish import Files, publish
from training.report import Report, read_report
from training.results import Results
from training.settings import Settings
from training.starting import WEIGHTS_FILE, weights_to_publish


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
        files_of=lambda number: _files(report, folder=folder, dataset=dataset, results=figures, version=number),
    )
    teller.say(f"published {path}")
    return path


def _files(report: Report, *, folder: RunFolder, dataset: DataSet, results: Results | None, version: int) -> Files:
    """Make everything that stands in the folder of a version."""
    model = folder.model.read_bytes()
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
        **({WEIGHTS_FILE: _weights(report, folder=folder)} if publication_of(report).weights else {}),
    }


def _weights(report: Report, *, folder: RunFolder) -> bytes:
    """Give the best weights as others can start from them."""
    steps = report.input.preprocessing
    best = read_checkpoint(folder.best)
    return checkpoint_bytes(weights_to_publish(best, mean=steps.mean, std=steps.std, labels=report.labels))
