"""`training.search.objective`: a trial is a training like any other, and worth its best validation error."""

from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path

import pytest
from lightning_fabric import Fabric
from optuna import Trial, TrialPruned

from tests.training.search.trainings import FILTERS, RATE, SEED, AlwaysPrune, ask, objective, tiny_tables
from training.data.splits import Splits
from training.errors import InterruptedRunError
from training.experiment import Experiment, RunFolder
from training.learning.fit import Fit
from training.learning.history import best_of
from training.learning.progress import SilentReporter
from training.recipe_file import parse_recipe, with_values
from training.search.errors import TrialFailedError
from training.search.study import StudyFolder

STEPS = 9  # of an epoch: 180 pictures in portions of 20


def _errors(folder: RunFolder) -> list[float]:
    with folder.log.open() as stream:
        return [float(row["validation_error"]) for row in csv.DictReader(stream)]


def _reported(trial: Trial) -> dict[int, float]:
    return trial.study.get_trials()[trial.number].intermediate_values


@pytest.fixture(scope="module")
def value(fabric: Fabric, splits: Splits, tmp_path_factory: pytest.TempPathFactory) -> float:
    """What the trial of `ask` is worth when nobody disturbs it."""
    return objective(tmp_path_factory.mktemp("whole"), fabric=fabric, splits=splits)(ask())


def test_trial_is_worth_the_best_validation_error_of_the_same_training_outside_a_search(
    fabric: Fabric, splits: Splits, value: float, tmp_path: Path
) -> None:
    """Training the winner's recipe with the study's seed gives the error that the search found, to the bit."""
    recipe = parse_recipe(with_values(tiny_tables(), {RATE: 0.05, FILTERS: 3}), source="test")
    fit = Fit.set_up(
        fabric,
        experiment=Experiment("outside", recipe, SEED),
        splits=splits,
        folder=RunFolder(tmp_path),
        reporter=SilentReporter(),
        wants_to_stop=lambda: False,
        clock=lambda: 0.0,
    )
    assert best_of(fit.run(resume=False)).validation_error == value


def test_trial_leaves_recipe_and_log_but_no_weights(fabric: Fabric, splits: Splits, tmp_path: Path) -> None:
    """Every epoch is reported to the pruner; a hundred trials do not fill the disk."""
    trial = ask()
    value = objective(tmp_path, fabric=fabric, splits=splits)(trial)
    folder = StudyFolder(tmp_path).trial(0)
    recipe = json.loads(folder.recipe.read_bytes())
    assert recipe["network"]["options"]["filters"] == 3
    assert recipe["optimizer"]["learning_rate"] == 0.05
    assert _reported(trial) == dict(enumerate(_errors(folder), start=1))
    assert value == min(_errors(folder))
    assert sorted(path.name for path in folder.path.glob("*.safetensors")) == []
    assert {"best_epoch", "epochs", "seconds", "parameters"} <= trial.user_attrs.keys()
    assert trial.user_attrs["epochs"] == 3


def test_hopeless_trial_is_stopped_after_the_epoch_that_shows_it(
    fabric: Fabric, splits: Splits, tmp_path: Path
) -> None:
    """The pruner is asked after every epoch, and obeyed at the next step."""
    trial = ask(pruner=AlwaysPrune())
    with pytest.raises(TrialPruned):
        objective(tmp_path, fabric=fabric, splits=splits)(trial)
    folder = StudyFolder(tmp_path).trial(0)
    assert list(_reported(trial)) == [1]
    assert len(_errors(folder)) == 1
    assert not folder.last.exists()


@pytest.mark.parametrize(
    ("table", "keys", "message"),
    [
        ("training", {"batch_size": 10_000}, "batch_size 10000 is more than the 180 training pictures"),
        ("network", {"options": {"widths": [4], "kernel_size": [3, 3]}}, "kernel_size names 2 stages, but there are 1"),
    ],
)
def test_values_that_cannot_be_trained_fail_with_their_reason(  # noqa: PLR0917  # fixtures
    table: str, keys: dict[str, object], message: str, fabric: Fabric, splits: Splits, tmp_path: Path
) -> None:
    """What only shows together, when the network or its batches are made, ends this trial alone."""
    tables = tiny_tables(**{table: {**tiny_tables()[table], **keys}})
    with pytest.raises(TrialFailedError, match=message):
        objective(tmp_path, fabric=fabric, splits=splits, tables=tables)(ask())


@pytest.mark.parametrize("steps", [STEPS - 2, STEPS + 4])
def test_interrupted_trial_goes_on_from_its_checkpoint_to_the_same_value(
    steps: int, fabric: Fabric, splits: Splits, value: float, tmp_path: Path
) -> None:
    """Before the end of the first epoch and after it; the folder moves along, every epoch is reported."""
    asked = itertools.count(1)
    first = ask()
    with pytest.raises(InterruptedRunError):
        objective(tmp_path, fabric=fabric, splits=splits, wants_to_stop=lambda: next(asked) >= steps)(first)
    second = ask(first.study, continues=0)
    taken = itertools.count()
    again = objective(tmp_path, fabric=fabric, splits=splits, wants_to_stop=lambda: next(taken) < 0)
    assert again(second) == value
    assert next(taken) == 3 * STEPS - steps  # the steps before were not repeated
    assert not StudyFolder(tmp_path).trial(0).path.exists()
    assert _reported(second) == dict(enumerate(_errors(StudyFolder(tmp_path).trial(1)), start=1))
    assert len(_reported(second)) == 3


@pytest.mark.parametrize("damage", ["cut", "other"])
def test_trial_starts_over_where_the_checkpoint_is_of_no_use(
    damage: str, fabric: Fabric, splits: Splits, value: float, tmp_path: Path
) -> None:
    """A damaged file, or one of other values, costs time and nothing else."""
    folder = StudyFolder(tmp_path).trial(0)
    first, asked = ask(), itertools.count(1)
    tables = tiny_tables(training={"label_smoothing": 0.1}) if damage == "other" else None
    with pytest.raises(InterruptedRunError):
        objective(tmp_path, fabric=fabric, splits=splits, tables=tables, wants_to_stop=lambda: next(asked) > STEPS)(
            first
        )
    if damage == "cut":
        folder.last.write_bytes(folder.last.read_bytes()[:100])
    assert objective(tmp_path, fabric=fabric, splits=splits)(ask(first.study, continues=0)) == value


def test_trial_whose_checkpoint_lies_on_another_machine_starts_over(
    fabric: Fabric, splits: Splits, value: float, tmp_path: Path
) -> None:
    """Only the storage is shared by all."""
    study = ask().study
    assert objective(tmp_path, fabric=fabric, splits=splits)(ask(study, continues=0)) == value
