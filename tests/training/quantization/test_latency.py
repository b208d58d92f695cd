"""`training.quantization.latency`: files take turns, and the times of a turn are compared."""

from __future__ import annotations

import numpy as np
import pytest

from service.engine.session import Session
from tests.model_folders import color_network
from training.quantization.latency import pace, run_times


class _Clock:
    """Moves on by a given time at every second look, as if each run took that long."""

    def __init__(self, *times_s: float) -> None:
        self.times_s = list(times_s)
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += self.times_s.pop(0) if self.times_s else 1.0
        return self.now_s


@pytest.fixture(scope="module")
def session() -> Session:
    """A network of three nodes."""
    return Session.load(color_network(), input_name="input", output_name="probabilities")


BATCH = np.zeros((1, 3, 8, 8), np.float32)


def test_fastest_run_of_a_turn_counts(session: Session) -> None:
    """Looks at the clock: the turn begins; a run begins and ends after 8 ms; another after 3; another ends the turn."""
    clock = _Clock(0.0, 0.0, 0.008, 0.0, 0.003, 0.0, 0.010)
    assert run_times({"only": session}, BATCH, turns=1, clock=clock) == {"only": [pytest.approx(0.003)]}


def test_files_take_turns(session: Session) -> None:
    """Each turn is over after 20 ms, and then the next file runs."""
    clock = _Clock(*(value for run_s in (0.03, 0.05, 0.04, 0.06) for value in (0.0, 0.0, run_s)))
    times = run_times({"old": session, "new": session}, BATCH, turns=2, clock=clock)
    assert times == {"old": pytest.approx([0.03, 0.04]), "new": pytest.approx([0.05, 0.06])}


def test_real_clock_gives_real_times(session: Session) -> None:
    """One time for each turn, none of them nothing."""
    (times,) = run_times({"only": session}, BATCH, turns=2).values()
    assert len(times) == 2
    assert min(times) > 0


def test_times_of_the_same_turn_are_compared() -> None:
    """A machine that is four times slower in one turn changes times but no ratio."""
    found = pace([1.0, 4.0, 1.0], [0.5, 2.0, 0.4])
    assert (found.ratio, found.lowest, found.highest, found.turns) == (0.5, 0.4, 0.5, 3)
    assert (found.before_s, found.after_s) == (1.0, 0.5)
