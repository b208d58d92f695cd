"""Material for figures out of the folder of a run, or of a network that was made by hand and never trained.

Only what the wanted figures need is read, so learning curves can be drawn while a run is still going.
"""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from service.artifact import Input
from training import architectures
from training.data import Example, open_data
from training.data.preprocessing import plain_input_spec
from training.data.splits import as_recipe_says, division_of
from training.errors import CheckpointError, DataError, RecipeError, TrainingError
from training.experiment import RunFolder
from training.figures.of_run import Material, ShownPicture, shown_picture
from training.learning.history import EpochRecord
from training.learning.network import load_network
from training.publication.evaluation import Predictions, load_session, predict
from training.recipe import Picture
from training.results.report import Report, read_report
from training.settings import Settings

CURVES = "curves"
CONFUSION = "confusion"
_NEED_A_PICTURE = frozenset({"filters", "class-weights", "feature-maps", "edges", "equivariance"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureChoice:
    """Which picture goes through the network.

    Args:
        file: A picture file; None takes one of the data set.
        data: Name of the data set; None takes the run's own.
        split: Of the data set.
        number: In the split, from 0.

    """

    file: Path | None = None
    data: str | None = None
    split: str = "test"
    number: int = 0


def material_of_run(
    folder: RunFolder, *, kinds: Collection[str], choice: PictureChoice, settings: Settings
) -> Material:
    """Gather what the wanted figures need from the folder of a run.

    Args:
        folder: Of the run; it must be finished, unless learning curves are all that is wanted.
        kinds: Keys of `KINDS`.
        choice: Of the picture.
        settings: Where data sets lie.

    Raises:
        CheckpointError: The run is not finished, or its files are damaged.
        DataError: The picture is missing or cannot be read.

    """
    history = read_log(folder.log) if CURVES in kinds else ()
    if set(kinds) == {CURVES}:
        return Material(history=history)
    report = read_report(folder.report)
    picture = None
    if _NEED_A_PICTURE & set(kinds):
        chosen = choice if choice.data else dataclasses.replace(choice, data=report.recipe.data.name)
        picture = _picture(chosen, spec=report.input, settings=settings, report=report)
    return Material(
        network=load_network(folder.best, recipe=report.recipe, num_classes=len(report.labels)),
        picture=picture,
        history=history,
        predictions=_predictions(folder, report, settings=settings) if CONFUSION in kinds else None,
        labels=report.labels,
    )


def material_of_architecture(name: str, *, choice: PictureChoice, settings: Settings) -> Material:
    """Build a network that has nothing to learn, and the picture it is shown.

    Raises:
        TrainingError: There is no such architecture, its weights are learned, or no picture was chosen.
        DataError: The picture is missing or cannot be read.

    """
    try:
        facts = architectures.facts(name)
    except ValueError as error:
        raise RecipeError(f"{name!r} is neither a run, nor a recipe, nor a network made by hand: {error}") from error
    network = architectures.build(name).eval()
    if any(weights.requires_grad for weights in network.parameters()):
        raise TrainingError(
            f"{name} has weights to learn; name a recipe, whose run has learned them, or a run's folder."
        )
    channels, side, _ = facts.input_shape
    spec = plain_input_spec(Picture(size=side, color_mode="L" if channels == 1 else "RGB"))
    return Material(network=network, picture=_picture(choice, spec=spec, settings=settings, report=None))


def read_log(path: Path) -> tuple[EpochRecord, ...]:
    """Read the log of a run.

    Raises:
        CheckpointError: There is none yet, or it is damaged.

    """
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
        records = tuple(_record(row) for row in rows)
    except OSError as error:
        raise CheckpointError(f"There is no log {path}; train first.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is no log of this program, or is damaged: {error}") from error
    if not records:
        raise CheckpointError(f"{path} holds no epoch yet.")
    return records


def _record(row: dict[str, str]) -> EpochRecord:
    names: Sequence[str] = [field.name for field in dataclasses.fields(EpochRecord)]
    numbers = {name: float(row[name]) for name in names if name != "epoch"}
    return EpochRecord(epoch=int(row["epoch"]), **numbers)


def _picture(choice: PictureChoice, *, spec: Input, settings: Settings, report: Report | None) -> ShownPicture:
    if choice.file is not None:
        try:
            example = Example(choice.file.read_bytes(), 0, str(choice.file))
        except OSError as error:
            raise DataError(f"{choice.file} cannot be read: {error.strerror}.") from error
        return shown_picture(example, spec=spec, subject=choice.file.name)
    if choice.data is None:
        raise DataError("There is nothing to look at; choose a picture with --picture FILE or --data NAME.")
    division = None if report is None else division_of(report.recipe.data)
    dataset = open_data(choice.data, settings=settings, division=division)
    examples = dataset.examples(choice.split)
    if choice.number >= len(examples):
        raise DataError(
            f"{dataset.source} has {len(examples):,} {choice.split} pictures, and no number {choice.number}."
        )
    example = examples[choice.number]
    return shown_picture(example, spec=spec, subject=f"{dataset.labels[example.label]} ({example.origin})")


def _predictions(folder: RunFolder, report: Report, *, settings: Settings) -> Predictions:
    """Classify the test pictures with the exported network, as the report of the run did."""
    data = report.recipe.data
    dataset = as_recipe_says(open_data(data.name, settings=settings), recipe=report.recipe)
    try:
        model = folder.model.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"{folder.model} cannot be read ({error.strerror}); make it again with `export`."
        ) from error
    session = load_session(model, spec=report.input, output=report.output)
    return predict(session, dataset.examples("test"), spec=report.input, output=report.output)
