"""Published models looked at again: scores on any pictures of the same classes."""

from __future__ import annotations

from pathlib import Path

from service.artifact import MANIFEST_NAME, Evaluation, load_manifest
from training.data import open_data
from training.errors import DataError
from training.evaluation import load_session, predict
from training.publish import published_versions
from training.scores import evaluation_of
from training.settings import Settings


def evaluate_published(path: Path, *, data: str | None, split: str, settings: Settings) -> Evaluation:
    """Score a published model on pictures of known class.

    Args:
        path: `models/<name>` for its highest version, or a version's folder.
        data: Name of the data set; None takes the one it was published with.
        split: Which pictures.
        settings: Where data sets lie.

    Raises:
        DataError: The pictures are missing or have other classes.
        ArtifactError: The model cannot be read.

    """
    versions = published_versions(path)
    folder = path / str(versions[-1]) if versions else path
    manifest = load_manifest(folder / MANIFEST_NAME)
    name = data or (manifest.evaluation.dataset if manifest.evaluation else None)
    if name is None:
        raise DataError(f"{folder} does not say on which pictures it was evaluated; name some with --data.")
    dataset = open_data(name, settings=settings)
    if dataset.labels != manifest.labels:
        raise DataError(f"{dataset.source} has the classes {dataset.labels}, and {folder} has {manifest.labels}.")
    session = load_session(
        (folder / manifest.variants[0].file).read_bytes(), spec=manifest.input, output=manifest.output
    )
    predictions = predict(session, dataset.examples(split), spec=manifest.input, output=manifest.output)
    return evaluation_of(predictions.probabilities_NK, predictions.labels_N, dataset=dataset.name, split=split)
