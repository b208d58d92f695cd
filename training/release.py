"""A finished run becomes a version of a model: card, manifest, golden samples, weights, all in one folder at once.

Nothing is trained or measured here; what the report of the run says is written down.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from service.artifact import MANIFEST_NAME, Manifest, dump_manifest
from service.engine.session import Session
from training.data import KNOWN_SETS, DataSet, open_data
from training.errors import CheckpointError, PublicationError
from training.experiment import Experiment, RunFolder
from training.figures.of_run import KINDS, SHOWING_A_PICTURE, captions
from training.learning.checkpoints import checkpoint_bytes, read_checkpoint
from training.learning.progress import Speaker
from training.learning.starting import WEIGHTS_FILE, weights_to_publish
from training.publication.evaluation import load_session, predict
from training.publication.golden import Sample, choose_foreign_samples, choose_samples, golden_sample
from training.publication.model_card import CARD_FILE, MODEL_FILE, card_of, manifest_of, publication_of
from training.publication.publish import Files, publish
from training.quantization import Options, Quantized, with_variant
from training.quantization.republishing import Counts, PublishedFiles, pictures_of, quantize_published
from training.results.over_seeds import Results
from training.results.report import Report, read_report
from training.settings import Settings

_FIGURES = "figures"


def publish_run(
    experiment: Experiment,
    *,
    settings: Settings,
    dataset: DataSet,
    results: Results | None,
    version: int | None,
    teller: Speaker,
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
    if report.recipe_digest != experiment.digest:
        raise CheckpointError(
            f"{folder.path} holds a run of another recipe than {experiment.name} is now; repeat the --set that it was "
            "trained with, or train again."
        )
    name = publication_of(report).model
    figures = results if results is not None and results.recipe_digest == report.recipe_digest else None

    def files_of(number: int) -> Files:
        return _files(report, folder=folder, settings=settings, dataset=dataset, results=figures, version=number)

    wants_int8 = publication_of(report).int8
    quantized = (
        _quantized(report, folder=folder, files=files_of(1), settings=settings, teller=teller) if wants_int8 else None
    )
    path = publish(
        settings.models_dir,
        name=name,
        version=version,
        files_of=lambda number: with_variant(files_of(number), quantized) if quantized else files_of(number),
    )
    teller.say(f"published {path}")
    return path


def _files(
    report: Report, *, folder: RunFolder, settings: Settings, dataset: DataSet, results: Results | None, version: int
) -> Files:
    """Make everything that stands in the folder of a version."""
    model = folder.model.read_bytes()
    session = load_session(model, spec=report.input, output=report.output)
    samples = _samples(report, session=session, dataset=dataset, settings=settings)
    golden = [
        golden_sample(sample, session=session, spec=report.input, output=report.output, precision="fp32")
        for sample in samples
    ]
    manifest = manifest_of(report, version=version, created_at=datetime.now(UTC), golden=golden)
    figures = _figures(folder, report=report)
    return {
        MODEL_FILE: model,
        CARD_FILE: (card_of(manifest, report, results=results) + _pictures_section(figures)).encode(),
        MANIFEST_NAME: dump_manifest(manifest),
        **{sample.file: sample.example.encoded for sample in samples},
        **{f"{_FIGURES}/{name}": png for name, png in figures.items()},
        **({WEIGHTS_FILE: _weights(report, folder=folder)} if publication_of(report).weights else {}),
    }


def _quantized(
    report: Report, *, folder: RunFolder, files: Files, settings: Settings, teller: Speaker
) -> Quantized | None:
    """Write the network in int8; a refused file is told and left out."""
    manifest = TypeAdapter(Manifest).validate_json(files[MANIFEST_NAME])
    model = PublishedFiles(folder.path, manifest, files)
    pictures = pictures_of(
        model, data=report.recipe.data.name, counts=Counts(), settings=settings, recipe=report.recipe
    )
    quantized = quantize_published(model, pictures=pictures, options=Options(), say=teller.say)
    teller.say(quantized.report.in_words())
    return quantized if quantized.network is not None else None


def _figures(folder: RunFolder, *, report: Report) -> dict[str, bytes]:
    """Take the pictures of the run that may travel: without free pictures in the data, those that show none."""
    known = KNOWN_SETS.get(report.data_source)
    free = known is not None and known.free
    wanted = [name for name in KINDS if free or name not in SHOWING_A_PICTURE]
    files = {f"{name}.png": folder.figures / f"{name}.png" for name in wanted}
    return {name: path.read_bytes() for name, path in files.items() if path.exists()}


def _pictures_section(figures: dict[str, bytes]) -> str:
    return f"\n## What it looks like\n\n{captions(figures, folder=f'{_FIGURES}/')}" if figures else ""


def _samples(report: Report, *, session: Session, dataset: DataSet, settings: Settings) -> list[Sample]:
    """Choose the pictures that travel with the model, from where its recipe says."""
    source = publication_of(report).samples
    if source == "none":
        return []
    pictures = dataset if source == "test" else _free_pictures(source, settings=settings)
    examples = tuple(pictures.examples("test"))
    predictions = predict(session, examples, spec=report.input, output=report.output)
    if source == "test":
        return choose_samples(examples, predictions, labels=report.labels)
    return choose_foreign_samples(examples, predictions, names=pictures.labels)


def _free_pictures(name: str, *, settings: Settings) -> DataSet:
    known = KNOWN_SETS.get(name)
    if known is None or not known.free:
        raise PublicationError(
            f"publication.samples: it is not known that pictures of {name!r} may be passed on; take "
            f"{', '.join(sorted(key for key, entry in KNOWN_SETS.items() if entry.free))}, test or none."
        )
    return open_data(name, settings=settings)


def _weights(report: Report, *, folder: RunFolder) -> bytes:
    """Give the best weights as others can start from them."""
    steps = report.input.preprocessing
    best = read_checkpoint(folder.best)
    return checkpoint_bytes(weights_to_publish(best, mean=steps.mean, std=steps.std, labels=report.labels))
