"""How long one picture takes in several files of the same network, one thread each, measured in turns.

The clock is that of the thread, which stands still while other programs have the processor: with one thread, what a run
takes is what it would take on an idle machine. The files take turns within milliseconds, so that caches and clock rates
meet all of them alike; the fastest run of a turn counts, and the times of the same turn are compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from statistics import median

from service.engine.session import Session
from training.publication.evaluation import Tensors

_WARM_UP_RUNS = 3
_TURN_S = 0.02


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a file takes beside another.

    Args:
        before_s: Seconds of one run of the file of reference, the median over all turns.
        after_s: Seconds of one run of this file, likewise.
        ratio: Median over all turns of this file's time by the other's; below 1 is faster.
        lowest: Lowest ratio of a turn.
        highest: Highest ratio of a turn.
        turns: Number of turns.

    """

    before_s: float
    after_s: float
    ratio: float
    lowest: float
    highest: float
    turns: int


def run_times(
    sessions: Mapping[str, Session],
    batch: Tensors,
    *,
    turns: int,
    clock: Callable[[], float] = time.thread_time,
) -> dict[str, list[float]]:
    """Measure files in turns.

    Args:
        sessions: Loaded files, by any name.
        batch: What each is fed.
        turns: How often each has its turn.
        clock: Seconds of this thread, in which a session of one thread runs.

    Returns:
        Seconds of the fastest run of each turn, by name.

    """
    for session in sessions.values():
        for _ in range(_WARM_UP_RUNS):
            session.run(batch)
    times: dict[str, list[float]] = {name: [] for name in sessions}
    for _ in range(turns):
        for name, session in sessions.items():
            times[name].append(_one_turn(session, batch, clock=clock))
    return times


def pace(before: list[float], after: list[float]) -> Pace:
    """Compare the turns of two files."""
    ratios = [new / old for old, new in zip(before, after, strict=True)]
    return Pace(median(before), median(after), median(ratios), min(ratios), max(ratios), len(ratios))


def _one_turn(session: Session, batch: Tensors, *, clock: Callable[[], float]) -> float:
    ends_s, fastest_s = clock() + _TURN_S, inf
    while True:
        started_s = clock()
        session.run(batch)
        ended_s = clock()
        fastest_s = min(fastest_s, ended_s - started_s)
        if ended_s >= ends_s:
            return fastest_s
