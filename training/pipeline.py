"""The training story in order up to the report; `finish.py` tells its second half, `release.py` its end.

    recipe -> pictures in disjoint splits -> network -> loop -> best checkpoint -> ONNX, proved equal
    -> evaluation of the ONNX file through the serving path -> report

Evaluation comes after export on purpose: what is measured is what is deployed.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import time
from typing import TYPE_CHECKING, Protocol

from training.data import open_data
from training.data.splits import Normalization, Splits, make_splits
from training.durable import write_durably
from training.environment import current_environment
from training.errors import CheckpointError, InterruptedRunError, RecipeError
from training.experiment import Experiment, RunFolder
from training.finish import finish
from training.interruption import Interruption
from training.learning.devices import use_threads
from training.learning.fit import Fit, Reporter
from training.learning.progress import Reporters, Speaker
from training.learning.starting import find_weights, read_weights
from training.learning.tensorboard_log import TensorBoardLog
from training.recipe import Recipe
from training.results.report import Report
from training.settings import Settings

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Start(enum.Enum):
    """From where a run starts."""

    ANEW = "anew"  # unless an unfinished run would be lost
    RESUMED = "resumed"
    RESTARTED = "restarted"


class Teller(Reporter, Speaker, Protocol):
    """Who is told how a run goes, and what happens around it."""


def prepare(experiment: Experiment, *, settings: Settings, teller: Teller) -> Splits:
    """Find the pictures of an experiment and divide them.

    Raises:
        DataError: They are missing, unreadable or too few.
        RecipeError: The export would move pictures by more than they measure.

    """
    dataset = open_data(experiment.recipe.data.name, settings=settings)
    splits = make_splits(dataset, recipe=experiment.recipe, normalization=normalization_of(experiment.recipe))
    teller.say(
        f"{splits.dataset.name} from {splits.dataset.source}: {len(splits.training):,} pictures to train, "
        f"{len(splits.validation):,} to validate, {len(splits.test):,} to test, {len(splits.dataset.labels)} classes; "
        f"identical across splits: {splits.twins.validation_in_training} of validation, "
        f"{splits.twins.test_in_training} of test"
    )
    for remark in splits.remarks:
        teller.say(remark)
    _require_room_to_shift(experiment.recipe, splits=splits)
    return splits


def _require_room_to_shift(recipe: Recipe, *, splits: Splits) -> None:
    """Refuse before the training what the export could not do after it: to mirror more at an edge than there is."""
    side = min(splits.spec.height, splits.spec.width)
    if recipe.export.shift_pixels >= side:
        raise RecipeError(
            f"export.shift_pixels {recipe.export.shift_pixels} is too far for pictures of {splits.spec.height} x "
            f"{splits.spec.width} pixels; it must be less than {side}."
        )


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


def normalization_of(recipe: Recipe) -> Normalization | None:
    """Take mean and std from the weights that a run starts from, where its recipe says so.

    Raises:
        CheckpointError: There are no such weights, or they do not say.

    """
    if recipe.start is None or recipe.start.normalization == "training":
        return None
    weights = read_weights(find_weights(recipe.start.weights))
    if weights.normalization is None:
        raise CheckpointError(
            f'{weights.source} does not say with which mean and std it was trained; set start.normalization="training".'
        )
    return weights.normalization
