"""One study and the workers on it: who trains which trial, when it is enough, what becomes of trials that broke off.

Every worker runs the same loop and knows the others through the storage only. Workers of one machine take turns at
choosing a trial, so they never train more than were asked for. A trial that broke off, by Ctrl-C or by the death of its
worker, is queued again under a new number and goes on from its last checkpoint where that is still there.

Knows nothing of training: what a trial is worth, it asks a function.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import optuna
from optuna import Study, Trial, TrialPruned
from optuna.exceptions import StorageInternalError
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from training.errors import InterruptedRunError
from training.experiment import RunFolder
from training.search.errors import SearchError, TrialFailedError
from training.search.grid import GridSampler
from training.search.locks import FileLock
from training.search.samplers import plain_parameters
from training.search.space import Space
from training.search.worker import Worker

CONTINUES, DEATHS, REASON = "continues", "deaths", "reason"
MOST_DEATHS = 3  # a trial that takes its worker down, by memory for example, must not go round for ever
_IDENTITY = "identity"

Objective = Callable[[Trial], float]


class Teller(Protocol):
    """Who is told how the search goes."""

    def say(self, text: str) -> None:
        """Something happened that one line tells."""


@dataclass(frozen=True, slots=True)
class StudyFolder:
    """Names of the files of a study.

    Args:
        path: `<runs>/tune/<study>`.

    """

    path: Path

    @property
    def journal(self) -> Path:
        """Where trials are written down unless another storage is asked for."""
        return self.path / "journal.log"

    @property
    def workers(self) -> Path:
        """Folder of the workers' locks."""
        return self.path / "workers"

    @property
    def turn(self) -> Path:
        """Lock of whoever chooses a trial."""
        return self.path / "turn.lock"

    @property
    def report(self) -> Path:
        """What came out, in words and pictures."""
        return self.path / "report.md"

    @property
    def winner(self) -> Path:
        """The recipe of the best trial."""
        return self.path / "best.toml"

    def trial(self, number: int) -> RunFolder:
        """Find the run folder of a trial."""
        return RunFolder(self.path / f"trial-{number:04}")


def open_study(
    storage: BaseStorage, *, name: str, sampler: BaseSampler, pruner: BasePruner, identity: dict[str, Any]
) -> Study:
    """Open a study, or begin it.

    Args:
        storage: Where it is written down.
        name: Of the study.
        sampler: Chooses values.
        pruner: Ends hopeless trials.
        identity: What all its trials share; JSON.

    Raises:
        SearchError: The study was begun with something else; the text names what.

    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # each trial is told by us
    study = optuna.create_study(
        storage=storage, study_name=name, sampler=sampler, pruner=pruner, direction="minimize", load_if_exists=True
    )
    if _IDENTITY not in study.user_attrs:
        study.set_user_attr(_IDENTITY, identity)
    found, mine = study.user_attrs[_IDENTITY], json.loads(json.dumps(identity))
    different = [key for key in mine if found.get(key) != mine[key]]
    if different:
        raise SearchError(
            f"The study {name!r} was begun with another {', '.join(different)}. Repeat the command that began it, or "
            "give this search a name of its own with --study."
        )
    return study


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """One worker on a study.

    Args:
        study: Shared with other workers.
        space: What is searched.
        folder: Of the study.
        worker: This process, entered.
        objective: Gives a trial's value, lower is better; raises TrialPruned, TrialFailedError or InterruptedRunError.
        trials: Of the whole study, those of other workers and of earlier days included.
        is_over: Asked before every trial: time is up, or a stop was asked for.
        teller: Told how it goes.

    """

    study: Study
    space: Space
    folder: StudyFolder
    worker: Worker
    objective: Objective
    trials: int
    is_over: Callable[[], bool]
    teller: Teller

    def run(self) -> None:
        """Train trials until there are enough.

        Raises:
            InterruptedRunError: The trial under way was broken off, and queued again.
            SearchError: The storage or the disk failed; what was written before stays.

        """
        try:
            self._train_all()
        except (StorageInternalError, OSError) as error:
            reason = str(error.__cause__ or error).strip().splitlines()[0]
            raise SearchError(f"The search broke off: {reason}. The same command goes on from here.") from error

    def _train_all(self) -> None:
        while (trial := self._next()) is not None:
            try:
                self._carry_out(trial)
            except InterruptedRunError:
                self._queue_again(self._frozen(trial), deaths=0)
                raise
            except BaseException:
                self._queue_again(self._frozen(trial), deaths=1)
                raise

    def _next(self) -> Trial | None:
        """Choose a trial, if one is left to train."""
        if self.is_over():
            return None
        with FileLock(self.folder.turn):
            self._take_over()
            trials = self.study.get_trials(deepcopy=False)
            waiting = any(trial.state is TrialState.WAITING for trial in trials)
            if len(trained(trials)) >= self.trials or (not waiting and self._grid_is_done()):
                return None
            trial = self.study.ask(self.space.distributions())
            self.worker.claim(trial)
            return trial

    def _grid_is_done(self) -> bool:
        sampler = self.study.sampler
        return isinstance(sampler, GridSampler) and sampler.left(self.study) == 0

    def _take_over(self) -> None:
        """Queue the trials of dead workers again."""
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if self.worker.is_abandoned(trial):
                self.teller.say(f"trial {trial.number:>4}  broke off with its worker")
                self._queue_again(trial, deaths=1)

    def _queue_again(self, trial: FrozenTrial, *, deaths: int) -> None:
        """End a trial that broke off; its values and its checkpoint go to a new one."""
        deaths += trial.user_attrs.get(DEATHS, 0)
        known = {other.user_attrs.get(CONTINUES) for other in self.study.get_trials(deepcopy=False)}
        whole = trial.params.keys() == self.space.dimensions.keys()  # else it died before it had its values
        if whole and deaths < MOST_DEATHS and trial.number not in known:
            self.study.enqueue_trial(trial.params, user_attrs={CONTINUES: trial.number, DEATHS: deaths})
        self.study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)

    def _carry_out(self, trial: Trial) -> None:
        """Train a trial and write down what came of it."""
        try:
            value = self.objective(trial)
        except TrialPruned:
            self.study.tell(trial, state=TrialState.PRUNED)
            outcome = "stopped early"
        except TrialFailedError as error:
            trial.set_user_attr(REASON, str(error))
            self.study.tell(trial, state=TrialState.FAIL)
            outcome = f"failed: {error}"
        else:
            self.study.tell(trial, value)
            outcome = f"validation error {value:7.2%}"
        self.teller.say(f"trial {trial.number:>4}  {outcome}  {plain_parameters(trial.params)}")

    def _frozen(self, trial: Trial) -> FrozenTrial:
        trials = self.study.get_trials(deepcopy=False)
        return next(found for found in trials if found.number == trial.number)


def trained(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """Choose the trials that count: all but those that wait, and those that broke off and go on under a new number."""
    continued = {trial.user_attrs.get(CONTINUES) for trial in trials}
    return [trial for trial in trials if trial.state is not TrialState.WAITING and trial.number not in continued]
