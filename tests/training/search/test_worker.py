"""`training.search.worker`: the dead are told from the living, here by their lock and elsewhere by their silence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from optuna import Trial, create_study
from optuna.trial import FrozenTrial

from training.search.worker import SIGN_EVERY_S, SIGN_OF_LIFE, SILENT_S, WORKER, Worker

NOW_S = 1_000_000.0


class _Clock:
    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def trial() -> Trial:
    """A trial under way."""
    return create_study().ask()


def _frozen(trial: Trial) -> FrozenTrial:
    return trial.study.get_trials()[trial.number]


def _worker(folder: Path, now_s: Callable[[], float] = lambda: NOW_S) -> Worker:
    return Worker(folder, now_s=now_s)


def test_worker_of_this_machine_is_alive_while_its_process_holds_its_lock(tmp_path: Path, trial: Trial) -> None:
    """Neither silence nor a leftover file decides, the lock does."""
    one, other = _worker(tmp_path), _worker(tmp_path)
    with one:
        one.claim(trial)
        with other:
            assert other.others() == one.others() == 1
            assert not other.is_abandoned(_frozen(trial))
            one._lock.release()  # as the system does when a process dies; the file stays
            assert other.is_abandoned(_frozen(trial))
            assert other.others() == 0
        assert not one.is_abandoned(_frozen(trial))  # its own
    assert list(tmp_path.iterdir()) == []


def test_worker_elsewhere_is_dead_after_a_long_silence(tmp_path: Path, trial: Trial) -> None:
    """Of another machine only the signs are known: the last of them, else the start."""
    here = _worker(tmp_path)
    trial.set_user_attr(WORKER, "elsewhere-1-abc")
    trial.set_user_attr(SIGN_OF_LIFE, NOW_S - SILENT_S + 1)
    assert not here.is_abandoned(_frozen(trial))
    trial.set_user_attr(SIGN_OF_LIFE, NOW_S - SILENT_S - 1)
    assert here.is_abandoned(_frozen(trial))


def test_trial_that_nobody_claimed_is_given_up_after_the_same_time(tmp_path: Path, trial: Trial) -> None:
    """Its worker died between asking and claiming."""
    started = datetime.now().timestamp()  # noqa: DTZ005  # Optuna's times are local
    assert not _worker(tmp_path, lambda: started + SILENT_S - 60).is_abandoned(_frozen(trial))
    later = started + timedelta(seconds=SILENT_S + 60).total_seconds()
    assert _worker(tmp_path, lambda: later).is_abandoned(_frozen(trial))


def test_signs_of_life_are_left_now_and_then(tmp_path: Path, trial: Trial) -> None:
    """Not with every step, because each is written to the storage."""
    clock = _Clock()
    worker = _worker(tmp_path, clock)
    worker.claim(trial)
    worker.sign(trial)
    assert SIGN_OF_LIFE not in _frozen(trial).user_attrs
    clock.now_s += SIGN_EVERY_S + 1
    worker.sign(trial)
    clock.now_s += 1
    worker.sign(trial)
    assert _frozen(trial).user_attrs == {WORKER: worker.name, SIGN_OF_LIFE: NOW_S + SIGN_EVERY_S + 1}
