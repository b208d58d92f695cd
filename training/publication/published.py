"""Published models looked at again: which file of a model folder, and pictures whose classes it knows.

Knows folders, manifests and data sets; what is measured on them stands in `training/assessment`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from service.artifact import MANIFEST_NAME, Manifest, Variant, load_manifest
from service.engine.session import Session
from service.errors import ArtifactError, HashMismatchError
from training.data import DataSet, Division, Example, open_data
from training.data.splits import division_of, without_broken
from training.errors import DataError, RecipeError
from training.publication.evaluation import Predictions, load_session, predict
from training.publication.publish import published_versions
from training.recipe import Recipe
from training.recipe_file import find_recipe, read_recipe
from training.settings import Settings

_NAMED = 5  # classes that a message names before it counts


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """One ONNX file of one version of a model.

    Args:
        folder: `models/<name>/<version>`.
        manifest: What it says.
        variant: Which of its files.

    """

    folder: Path
    manifest: Manifest
    variant: Variant

    def load(self, *, threads: int = 1) -> Session:
        """Load the file on the CPU, as the service does.

        Raises:
            ArtifactError: It is missing, or not the one that was published.
            InferenceError: ONNX Runtime does not take it.

        """
        path = self.folder / self.variant.file
        try:
            model = path.read_bytes()
        except OSError as error:
            raise ArtifactError(path, reason=f"cannot be read ({error.strerror})") from error
        actual = hashlib.sha256(model).hexdigest()
        if actual != self.variant.sha256:
            raise HashMismatchError(path, expected=self.variant.sha256, actual=actual)
        return load_session(model, spec=self.manifest.input, output=self.manifest.output, threads=threads)

    def predict(self, session: Session, examples: Iterable[Example]) -> Predictions:
        """Classify pictures whose labels are in this model's order.

        Raises:
            ArtifactError: The network has another number of classes than its manifest.
            DataError: A picture cannot be read, or there is none.

        """
        predictions = predict(session, examples, spec=self.manifest.input, output=self.manifest.output)
        found, expected = predictions.probabilities_NK.shape[1], len(self.manifest.labels)
        if found != expected:
            raise ArtifactError(self.folder, reason=f"the network gives {found} values, for {expected} labels")
        return predictions


@dataclass(frozen=True, slots=True)
class KnownPictures:
    """Pictures of a split, their labels in the order of a model's classes.

    Args:
        dataset: Where they come from.
        split: Which of them.
        classes: For each class of the data set its number in the model.

    """

    dataset: DataSet
    split: str
    classes: tuple[int, ...]

    def __iter__(self) -> Iterator[Example]:
        return (self._known(example) for example in self.dataset.examples(self.split))

    def select(self, numbers: Iterable[int]) -> dict[int, Example]:
        """Read the pictures of these numbers, counted from 0.

        Raises:
            DataError: One cannot be read.

        """
        examples = self.dataset.examples(self.split)
        return {number: self._known(examples[number]) for number in numbers}

    def _known(self, example: Example) -> Example:
        return replace(example, label=self.classes[example.label])


def open_published(path: Path, *, precision: str | None = None, models_dir: Path | None = None) -> PublishedModel:
    """Find a model.

    Args:
        path: `models/<name>` for its highest version, a version's folder, or the name of a model in `models_dir`.
        precision: Of the file; None takes the one listed first.
        models_dir: Where names are looked up.

    Raises:
        ArtifactError: There is no such model or precision, or its manifest cannot be read.

    """
    folder = version_folder(path, models_dir=models_dir)
    manifest = load_manifest(folder / MANIFEST_NAME)
    variant = manifest.variant(precision)
    if variant is None:
        known = ", ".join(variant.precision for variant in manifest.variants)
        raise ArtifactError(folder, reason=f"there is no {precision} file, only {known}")
    return PublishedModel(folder, manifest, variant)


def version_folder(path: Path, *, models_dir: Path | None = None) -> Path:
    """Find the folder of a version: of the highest where a model is named, by its folder or its name in `models_dir`.

    Whether a model lies in it is left to who reads it.
    """
    if not path.exists() and models_dir is not None and (models_dir / path).is_dir():
        path = models_dir / path
    versions = published_versions(path)
    return path / str(versions[-1]) if versions else path


def pictures_for(
    model: PublishedModel, *, data: str | None, split: str, settings: Settings, division: Division | None = None
) -> KnownPictures:
    """Find pictures that a model can be asked about.

    Args:
        model: The model.
        data: Name or folder of the data set; None takes the one it was published with.
        split: Which pictures.
        settings: Where data sets lie.
        division: How test pictures are taken from a set that has none of its own, where that is not how the model's
            recipe took them; another way would test on pictures that were trained on.

    Raises:
        DataError: They are missing, or have other classes; the order of the classes does not matter.

    """
    recipe = recipe_of(model.manifest)
    division = division or (division_of(recipe.data) if recipe else None)
    dataset = data_of(model.folder, model.manifest, data=data, settings=settings, division=division)
    if recipe is not None:
        dataset = without_broken(dataset, recipe=recipe, splits=(split,))
    return KnownPictures(dataset, split, tuple(model.manifest.labels.index(label) for label in dataset.labels))


def data_of(
    folder: Path, manifest: Manifest, *, data: str | None, settings: Settings, division: Division | None
) -> DataSet:
    """Open the data set that a model was published with, or another of the same classes.

    Args:
        folder: Of the model.
        manifest: What it says.
        data: Name or folder of the data set; None takes the one it was published with.
        settings: Where data sets lie.
        division: How splits are taken from a set that has none of its own.

    Raises:
        DataError: It is missing, or has other classes; their order does not matter.

    """
    name = data or (manifest.evaluation.dataset if manifest.evaluation else None)
    if name is None:
        raise DataError(f"{folder} does not say on which pictures it was evaluated; name some with --data.")
    dataset = open_data(name, settings=settings, division=division)
    if set(dataset.labels) != set(manifest.labels):
        raise DataError(_other_classes(dataset, labels=manifest.labels, folder=folder))
    return dataset


def recipe_of(manifest: Manifest) -> Recipe | None:
    """Find the recipe that a model was made by; None where it is unknown by now."""
    if manifest.provenance is None:
        return None
    try:
        return read_recipe(find_recipe(manifest.provenance.recipe), changes=manifest.provenance.changes)
    except RecipeError:
        return None


def _other_classes(dataset: DataSet, *, labels: Sequence[str], folder: Path) -> str:
    unknown = [label for label in dataset.labels if label not in labels]
    missing = [label for label in labels if label not in dataset.labels]
    return (
        f"{dataset.source} has {len(dataset.labels)} classes and {folder} has {len(labels)}, and they must be "
        f"the same: the model does not know {_some(unknown)}; the data does not show {_some(missing)}."
    )


def _some(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:_NAMED])) or "none"
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"
