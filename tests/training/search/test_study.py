"""`training.search.study`: workers share a study, nothing is trained twice, and what broke off goes on."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from optuna import Trial, TrialPruned
from optuna.trial import FrozenTrial, TrialState

from tests.training.search.studies import HIDDEN, RATE, finished, formula, search, trials_of
from training.errors import InterruptedRunError
from training.search.errors import SearchError, TrialFailedError
from training.search.study import CONTINUES, DEATHS, MOST_DEATHS, REASON, trained

_FORK = multiprocessing.get_context("fork")


def _states(path: Path) -> list[str]:
    return [trial.state.name for trial in trials_of(path)]


def _raising(error: BaseException, *, at: int) -> Callable[[Trial], float]:
    """Give an objective that raises at one trial."""

    def objective(trial: Trial) -> float:
        if trial.number == at:
            raise error
        return formula(trial)

    return objective


def _work(path: Path, sampler: str, trials: int, start: Connection, result: Connection) -> None:
    """Be one of several processes: wait for the others, then search; tell which trials were mine."""
    mine: list[int] = []

    def objective(trial: Trial) -> float:
        mine.append(trial.number)
        if len(mine) == 1:
            result.send("begun")
            start.recv()  # so that no worker is done before the others have begun
        return formula(trial)

    search(path, trials=trials, objective=objective, sampler=sampler)
    result.send(mine)


@pytest.mark.parametrize(("sampler", "trials"), [("random", 9), ("grid", 12)])
def test_two_processes_on_one_journal_train_every_trial_once(sampler: str, trials: int, tmp_path: Path) -> None:
    """Both take part, together they make as many as were asked for, and a grid has no point twice."""
    pipes = [(_FORK.Pipe(), _FORK.Pipe()) for _ in range(2)]
    workers = [
        _FORK.Process(target=_work, args=(tmp_path, sampler, trials, start[1], result[1]), daemon=True)
        for start, result in pipes
    ]
    for worker in workers:
        worker.start()
    assert [result[0].recv() for _, result in pipes] == ["begun", "begun"]
    for start, _ in pipes:
        start[0].send("go")
    shares = [result[0].recv() for _, result in pipes]
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert all(shares)
    assert sorted(shares[0] + shares[1]) == list(range(trials))
    assert _states(tmp_path) == ["COMPLETE"] * trials
    values = Counter((rate, hidden) for rate, hidden, _ in finished(tmp_path))
    assert sampler == "random" or set(values.values()) == {1}


def test_random_search_tries_the_same_with_one_worker_and_with_two(tmp_path: Path) -> None:
    """Values come from the trial's number, so it does not matter who trains it."""
    search(tmp_path / "one", trials=6)
    for trials in (1, 3, 6):  # three workers, one after the other
        search(tmp_path / "many", trials=trials)
    assert finished(tmp_path / "many") == finished(tmp_path / "one")


def _train_until_killed(path: Path, told: Connection) -> None:
    def objective(trial: Trial) -> float:
        if trial.number == 1:
            told.send("training")
            signal.pause()
        return formula(trial)

    search(path, trials=4, objective=objective)


def test_trial_of_a_killed_worker_is_trained_by_the_next(tmp_path: Path) -> None:
    """After kill -9 the study goes on: same values, a new number, and as many trials as were asked for."""
    listening, told = _FORK.Pipe()
    worker = _FORK.Process(target=_train_until_killed, args=(tmp_path, told), daemon=True)
    worker.start()
    assert listening.recv() == "training"
    os.kill(worker.pid or 0, signal.SIGKILL)
    worker.join()
    assert _states(tmp_path) == ["COMPLETE", "RUNNING"]
    told_lines = search(tmp_path, trials=4).lines
    assert "trial    1  broke off with its worker" in told_lines
    assert _states(tmp_path) == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE", "COMPLETE"]
    dead, again = trials_of(tmp_path)[1:3]
    assert again.params == dead.params
    assert (again.user_attrs[CONTINUES], again.user_attrs[DEATHS]) == (1, 1)
    assert len(trained(trials_of(tmp_path))) == 4


def test_trial_that_takes_every_worker_down_is_given_up(tmp_path: Path) -> None:
    """Its values fail in the end, and the others are still trained."""

    def objective(trial: Trial) -> float:
        if trial.params == trials_of(tmp_path)[0].params:
            raise MemoryError
        return formula(trial)

    for _ in range(MOST_DEATHS):
        with pytest.raises(MemoryError):
            search(tmp_path, trials=3, objective=objective)
    search(tmp_path, trials=3, objective=objective)
    counted = trained(trials_of(tmp_path))
    assert [trial.state for trial in counted] == [TrialState.FAIL, TrialState.COMPLETE, TrialState.COMPLETE]
    assert len(trials_of(tmp_path)) == MOST_DEATHS + 2


def test_full_disk_and_lost_storage_end_the_search_in_words(tmp_path: Path) -> None:
    """What was written stays, and the same command goes on; no stack trace of a database."""
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(SearchError, match=r"broke off: .*No space left on device\. The same command goes on"):
        search(tmp_path, trials=3, objective=_raising(full, at=1))
    search(tmp_path, trials=3)
    assert len(finished(tmp_path)) == 3
    database = tmp_path / "lost.db"

    def losing(trial: Trial) -> float:
        database.write_bytes(b"overwritten " * 1000)
        return formula(trial)

    with pytest.raises(SearchError, match=r"broke off: .*The same command goes on"):
        search(tmp_path, trials=3, objective=losing, address=f"sqlite:///{database}")


def test_interrupted_trial_is_queued_again_as_often_as_people_like(tmp_path: Path) -> None:
    """Ctrl-C is no death: the trial waits for the next start, with its values."""
    for number in range(MOST_DEATHS + 2):
        with pytest.raises(InterruptedRunError):
            search(tmp_path, trials=2, objective=_raising(InterruptedRunError("stop"), at=number))
    search(tmp_path, trials=2)
    trials = trials_of(tmp_path)
    assert [trial.state.name for trial in trials] == ["FAIL"] * (MOST_DEATHS + 2) + ["COMPLETE"] * 2
    assert len({json.dumps(trial.params) for trial in trials[:-1]}) == 1
    assert [trial.user_attrs[CONTINUES] for trial in trials[1:-1]] == list(range(MOST_DEATHS + 2))


def test_trial_that_cannot_be_trained_fails_alone_with_its_reason(tmp_path: Path) -> None:
    """It counts as a trial, is told, and the search goes on."""
    lines = search(tmp_path, trials=3, objective=_raising(TrialFailedError("no such batch"), at=1)).lines
    assert _states(tmp_path) == ["COMPLETE", "FAIL", "COMPLETE"]
    assert trials_of(tmp_path)[1].user_attrs[REASON] == "no such batch"
    assert lines[1].startswith(f"trial    1  failed: no such batch  {RATE}=")
    assert HIDDEN in lines[0]
    assert "validation error" in lines[0]


def test_trial_stopped_early_counts_and_is_told(tmp_path: Path) -> None:
    """A pruned trial is an answer too."""
    lines = search(tmp_path, trials=2, objective=_raising(TrialPruned(), at=0)).lines
    assert _states(tmp_path) == ["PRUNED", "COMPLETE"]
    assert lines[0].startswith("trial    0  stopped early")


def test_no_trial_begins_when_time_is_up(tmp_path: Path) -> None:
    """Asked before every trial: two were begun before it was over."""
    answers = iter([False, False, True])
    search(tmp_path, trials=5, is_over=lambda: next(answers))
    assert _states(tmp_path) == ["COMPLETE"] * 2


def test_study_with_enough_trials_trains_none(tmp_path: Path) -> None:
    """Repeating the command of a finished search changes nothing."""
    search(tmp_path, trials=2)
    before = _comparable(trials_of(tmp_path))
    search(tmp_path, trials=2, objective=_raising(AssertionError(), at=2))
    search(tmp_path, trials=1, objective=_raising(AssertionError(), at=2))
    assert _comparable(trials_of(tmp_path)) == before


def _comparable(trials: list[FrozenTrial]) -> list[tuple[object, ...]]:
    return [(trial.number, trial.state, trial.params, trial.value) for trial in trials]
