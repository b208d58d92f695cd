"""A published model gets a file in fewer bits: as its next version, because a published one never changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from service.artifact import MANIFEST_NAME, Manifest, dump_manifest
from service.errors import ArtifactError
from training.data import DataSet, Example, Examples
from training.data.splits import division_of, training_and_validation, without_broken
from training.errors import DataError, PublicationError
from training.publication.model_card import CARD_FILE
from training.publication.publish import Files, publish, verify
from training.publication.published import data_of, recipe_of, version_folder
from training.quantization.procedure import Options, Pictures, quantize
from training.quantization.report import Quantized
from training.quantization.variant import with_variant
from training.recipe import Data, Recipe
from training.settings import Settings

_SEED = 0  # of the choice of pictures: the same model and data give the same file


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many pictures take part.

    Args:
        calibration: Training pictures that give the ranges.
        selection: Held-back pictures that choose between forms.

    """

    calibration: int = 512
    selection: int = 1000


@dataclass(frozen=True, slots=True)
class PublishedFiles:
    """A published version, read whole and verified.

    Args:
        folder: Where it lies.
        manifest: What it says.
        files: Its contents by path.

    """

    folder: Path
    manifest: Manifest
    files: Files

    @classmethod
    def read(cls, path: Path, *, models_dir: Path) -> PublishedFiles:
        """Read a version.

        Args:
            path: `models/<name>` for its highest version, a version's folder, or either below `models_dir`.
            models_dir: Where names are looked up.

        Raises:
            PublicationError: It contradicts its own manifest, or it has no float32 file.
            ArtifactError: There is no such version.

        """
        folder = version_folder(path, models_dir=models_dir)
        if not (folder / MANIFEST_NAME).is_file():
            raise ArtifactError(folder, reason="there is no published model; name models/NAME or models/NAME/VERSION")
        manifest = verify(folder)
        if manifest.variant("fp32") is None:
            raise PublicationError(f"{folder} has no float32 file to start from.")
        paths = [file for file in sorted(folder.rglob("*")) if file.is_file()]  # weights to start from, say, come along
        return cls(folder, manifest, {str(file.relative_to(folder)): file.read_bytes() for file in paths})

    @property
    def network(self) -> bytes:
        """The float32 file."""
        (variant,) = (variant for variant in self.manifest.variants if variant.precision == "fp32")  # read() has looked
        return self.files[variant.file]


def pictures_of(
    model: PublishedFiles, *, data: str | None, counts: Counts, settings: Settings, recipe: Recipe | None = None
) -> Pictures:
    """Find pictures for a published model, divided as its recipe divided them where that recipe is still known.

    Calibration takes training pictures. Forms are chosen on the pictures that chose the epoch. The gate takes the test
    split, whole.

    Raises:
        DataError: The pictures are missing, or have other classes.

    """
    recipe = recipe or recipe_of(model.manifest)
    division = Data(name=model.manifest.name) if recipe is None else recipe.data
    dataset = data_of(model.folder, model.manifest, data=data, settings=settings, division=division_of(division))
    if recipe is not None:
        dataset = without_broken(dataset, recipe=recipe, splits=("train", "test"))
    _require_same_order(dataset, model)
    training, validation = training_and_validation(dataset, recipe=division)
    return Pictures(
        calibration=_some(training, counts.calibration),
        selection=_some(validation, counts.selection),
        evaluation=dataset.examples("test"),
        golden={sample.file: Example(model.files[sample.file], 0, sample.file) for sample in model.manifest.golden},
    )


def quantize_published(
    model: PublishedFiles, *, pictures: Pictures, options: Options, say: Callable[[str], None]
) -> Quantized:
    """Write a published model's network in fewer bits; see `quantize`."""
    manifest = model.manifest
    return quantize(
        model.network, spec=manifest.input, output=manifest.output, pictures=pictures, options=options, say=say
    )


def publish_with_variant(
    model: PublishedFiles, quantized: Quantized, *, version: int | None = None, now: datetime | None = None
) -> Path:
    """Publish a model's next version: what the last one held, and the new file.

    Args:
        model: The version that the file was made of.
        quantized: Accepted.
        version: A free version to take instead of the next.
        now: When; None is now.

    Returns:
        The folder of the new version.

    Raises:
        PublicationError: The version exists, or the folder does not verify.

    """
    extended = with_variant(model.files, quantized)

    def files_of(number: int) -> Files:
        manifest = TypeAdapter(Manifest).validate_json(extended[MANIFEST_NAME])
        renewed = dataclasses.replace(manifest, version=number, created_at=now or datetime.now(UTC))
        card = extended[CARD_FILE].decode()
        old, new = (f"models/{manifest.name}/{one}/" for one in (manifest.version, number))
        return {**extended, MANIFEST_NAME: dump_manifest(renewed), CARD_FILE: card.replace(old, new).encode()}

    home = model.folder.resolve().parent
    return publish(home.parent, name=home.name, version=version, files_of=files_of)


def _require_same_order(dataset: DataSet, model: PublishedFiles) -> None:
    if dataset.labels != model.manifest.labels:
        raise DataError(
            f"{dataset.source} has its classes in the order {', '.join(dataset.labels)}, and {model.folder} in "
            f"the order {', '.join(model.manifest.labels)}; quantize needs the order of the model."
        )


def _some(examples: Examples, count: int) -> Examples:
    """Take pictures by chance: in many sets all pictures of a class stand together."""
    chosen = np.random.default_rng(_SEED).permutation(len(examples))[:count]
    return examples.select(np.sort(chosen))
