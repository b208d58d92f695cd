"""What a trial is worth: the validation error of its best epoch, after a training like any other.

Only training and validation pictures are opened. Each trial has a run folder below the study's; its recipe and log
stay, its weights go when it has ended, because training the winner's recipe with the study's seed makes them again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch
from optuna import Trial, TrialPruned

from training.data.splits import Splits
from training.errors import CheckpointError, DataError, InterruptedRunError, RecipeError
from training.experiment import Experiment, RunFolder
from training.learning.checkpoints import read_checkpoint
from training.learning.devices import use_threads
from training.learning.fit import Fit
from training.learning.history import EpochRecord, best_of
from training.learning.loop import Totals
from training.recipe import Recipe
from training.recipe_file import parse_recipe, with_values
from training.search.errors import TrialFailedError
from training.search.space import Space
from training.search.study import CONTINUES, StudyFolder
from training.search.worker import Worker

if TYPE_CHECKING:
    from lightning_fabric import Fabric

BEST_EPOCH, EPOCHS, PARAMETERS, SECONDS = "best_epoch", "epochs", "parameters", "seconds"
_OUT_OF_MEMORY = ("can't allocate memory", "not enough memory")  # what torch says of the processor's


class Bar(Protocol):
    """Who shows the steps of an epoch; what an epoch brought stands in the trial's log."""

    def epoch_begins(self, epoch: int, *, epochs: int, steps: int, first_step: int, batch_size: int) -> None:
        """See `training.fit.Reporter`."""

    def step_done(self, totals: Totals) -> None:
        """See `training.fit.Reporter`."""

    def close(self) -> None:
        """Take the bar away."""


@dataclass(slots=True)
class Watcher:
    """Passes on how a trial goes: to the bar, to Optuna, and to those who wonder whether the worker lives.

    Args:
        trial: Under way.
        bar: Shows the epoch.
        worker: This process.
        earlier: Validation error by epoch of a run that is gone on with.
        hopeless: The pruner said to stop.

    """

    trial: Trial
    bar: Bar
    worker: Worker
    earlier: dict[int, float] = field(default_factory=dict)
    hopeless: bool = False

    def epoch_begins(self, epoch: int, *, epochs: int, steps: int, first_step: int, batch_size: int) -> None:
        """Show it, and report the epochs of before, now that they count; see `training.fit.Reporter`."""
        self.report_earlier()
        self.bar.epoch_begins(epoch, epochs=epochs, steps=steps, first_step=first_step, batch_size=batch_size)

    def step_done(self, totals: Totals) -> None:
        """Show it, and that someone works; see `training.fit.Reporter`."""
        self.bar.step_done(totals)
        self.worker.sign(self.trial)

    def epoch_ends(self, record: EpochRecord, *, best: bool) -> None:
        """Report the validation error and ask whether to go on; see `training.fit.Reporter`."""
        del best  # Optuna finds it by itself
        self.bar.close()
        self.trial.report(record.validation_error, record.epoch)
        self.hopeless = self.trial.should_prune()

    def report_earlier(self) -> None:
        """Report the epochs that were trained before this run went on with them; the second time does nothing."""
        while self.earlier:
            epoch = min(self.earlier)
            self.trial.report(self.earlier.pop(epoch), epoch)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingObjective:
    """Trains a trial.

    Args:
        name: Of the study.
        tables: Of the recipe, in which the trial's values are put.
        space: What is searched.
        seed: Of every trial, so that they differ by their values alone.
        fabric: Device and precision.
        splits_of: Gives the pictures of a recipe.
        folder: Of the study.
        worker: This process.
        bar: Shows epochs.
        wants_to_stop: Asked after every step.

    """

    name: str
    tables: dict[str, Any]
    space: Space
    seed: int
    fabric: Fabric
    splits_of: Callable[[Recipe], Splits]
    folder: StudyFolder
    worker: Worker
    bar: Bar
    wants_to_stop: Callable[[], bool]
    clock: Callable[[], float] = field(default=time.monotonic)

    def __call__(self, trial: Trial) -> float:
        """Train a trial and give the validation error of its best epoch, 0..1.

        Raises:
            TrialPruned: The pruner ended it.
            TrialFailedError: Its values cannot be trained; the text says why.
            InterruptedRunError: A stop was asked for; the state is saved.

        """
        try:
            records = self._train(trial)
        except (RecipeError, DataError, CheckpointError, torch.OutOfMemoryError) as error:
            raise TrialFailedError(str(error)) from error
        except RuntimeError as error:
            if not any(words in str(error) for words in _OUT_OF_MEMORY):
                raise
            raise TrialFailedError(str(error)) from error
        self._forget_weights(trial)
        best = best_of(records)
        trial.set_user_attr(BEST_EPOCH, best.epoch)
        trial.set_user_attr(EPOCHS, len(records))
        trial.set_user_attr(SECONDS, sum(record.seconds for record in records))
        return best.validation_error

    def _train(self, trial: Trial) -> list[EpochRecord]:
        watcher = Watcher(trial, self.bar, self.worker)
        experiment = Experiment(self.name, self._recipe(trial), self.seed)
        splits = self.splits_of(experiment.recipe)
        use_threads(experiment.recipe.training.threads)
        try:
            if self._take_checkpoint(trial):
                try:
                    return self._continued(experiment, splits=splits, watcher=watcher)
                except CheckpointError:  # damaged, or of another version of this program: the trial starts over
                    watcher.earlier.clear()
            return self._fit(experiment, splits=splits, watcher=watcher, resume=False)
        except InterruptedRunError as error:
            if not watcher.hopeless:
                raise
            self._forget_weights(trial)
            raise TrialPruned from error

    def _continued(self, experiment: Experiment, *, splits: Splits, watcher: Watcher) -> list[EpochRecord]:
        history = read_checkpoint(self._folder(watcher.trial).last).facts["history"]
        watcher.earlier = {record["epoch"]: record["validation_error"] for record in history}
        records = self._fit(experiment, splits=splits, watcher=watcher, resume=True)
        watcher.report_earlier()  # if there was no epoch left to begin
        return records

    def _fit(self, experiment: Experiment, *, splits: Splits, watcher: Watcher, resume: bool) -> list[EpochRecord]:
        fit = Fit.set_up(
            self.fabric,
            experiment=experiment,
            splits=splits,
            folder=self._folder(watcher.trial),
            reporter=watcher,
            wants_to_stop=lambda: watcher.hopeless or self.wants_to_stop(),
            clock=self.clock,
        )
        parameters = sum(weights.numel() for weights in fit.state.network.parameters() if weights.requires_grad)
        watcher.trial.set_user_attr(PARAMETERS, parameters)
        return fit.run(resume=resume)

    def _recipe(self, trial: Trial) -> Recipe:
        tables = with_values(self.tables, self.space.values(trial.params))
        return parse_recipe(tables, source=f"trial {trial.number}")

    def _folder(self, trial: Trial) -> RunFolder:
        return self.folder.trial(trial.number)

    def _take_checkpoint(self, trial: Trial) -> bool:
        """Move the folder of the trial that this one continues, if it is here."""
        continued = trial.user_attrs.get(CONTINUES)
        if continued is None or not self.folder.trial(continued).last.exists():
            return False
        self.folder.trial(continued).path.rename(self._folder(trial).path)
        return True

    def _forget_weights(self, trial: Trial) -> None:
        folder = self._folder(trial)
        for file in (folder.best, folder.last):
            file.unlink(missing_ok=True)
