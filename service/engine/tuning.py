"""Measures a loaded model on the machine it is on, and says in which form it should run there.

One run on one thread, one run on all cores, and runs of several pictures at once are timed while nobody else uses the
threads; a time that a request fell into is thrown away. What is found is advice: the default form serves all the while,
and goes on serving where the machine never has a moment to spare.

Knows sessions and tensors; neither pictures nor disk.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from service.engine.forms import Form, Measurement

Tensor = NDArray[np.float32] | NDArray[np.float16] | NDArray[np.uint8]

_RUNS: Final = 15
_LONGEST_S: Final = 0.5  # of the runs that time one form, unless three take longer
_LEAST_RUNS: Final = 3
_ENDLESS_S: Final = 2.0  # a run that takes longer is timed once: all cores are busy with it while requests wait
_TRIES: Final = 4  # for each run, before the machine counts as busy
# Below this a run on several threads spends its time on waking them: measured 0.41 ms on one thread, 0.47 on two.
_LEAST_RUN_FOR_WIDE_S: Final = 1e-3
_WORTH: Final = 0.9  # of the narrow form's time; a smaller gain does not pay for a second session
_BATCHES: Final = (4, 8)
_BATCH_WORTH: Final = 1.1  # of one picture's time: above it, a batch makes its pictures wait for nothing


class Timed(Protocol):
    """What of a session is measured."""

    @property
    def fixed_batch(self) -> int | None:
        """The only batch size it takes, if any."""

    def run(self, batch: Tensor, /) -> NDArray[np.float32]:
        """Run the network once."""


class BusyError(Exception):
    """The machine had no moment to spare; the form that there is stays for now."""


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """Times runs while nobody else is there.

    Args:
        idle: Whether nothing runs and nothing waits.
        arrived: How many requests there have been; one may come and be gone within a run.
        pause: Waits a moment; raises `BusyError` where there is no time left to wait.
        clock: Seconds.

    """

    idle: Callable[[], bool]
    arrived: Callable[[], int]
    pause: Callable[[], None]
    clock: Callable[[], float] = time.perf_counter

    def measure(self, session: Timed, tensor: Tensor, *, threads: int) -> Measurement:
        """Time runs of one form.

        Args:
            session: Loaded with so many threads.
            tensor: A batch.
            threads: Only noted.

        Raises:
            BusyError: Requests came all the while.

        """
        first_s = self._one(session, tensor)  # also warms it up, so it counts only where it says enough by itself
        times_s = [first_s] if first_s > _ENDLESS_S else []
        until_s = self.clock() + _LONGEST_S
        while first_s <= _ENDLESS_S and (len(times_s) < _LEAST_RUNS or self.clock() < until_s) and len(times_s) < _RUNS:
            times_s.append(self._one(session, tensor))
        pictures = len(tensor)
        return Measurement(
            threads=threads,
            batch=pictures,
            median_s=median(times_s) / pictures,
            least_s=min(times_s) / pictures,
            n=len(times_s),
        )

    def _one(self, session: Timed, tensor: Tensor) -> float:
        for _ in range(_TRIES):
            before = self._quiet()
            started_s = self.clock()
            session.run(tensor)
            taken_s = self.clock() - started_s
            if self.arrived() == before:
                return taken_s
            if taken_s > _ENDLESS_S:
                break  # another try would keep requests waiting as long as this one did
            self.pause()
        raise BusyError

    def _quiet(self) -> int:
        """Wait until nobody is there, and say how many there have been."""
        before = self.arrived()  # first: who comes after this and is gone before the next look is noticed later
        while not self.idle():
            self.pause()
            before = self.arrived()
        return before


def choose_batch(single: Measurement, batches: list[Measurement]) -> int:
    """Choose how many pictures may share a run of a small network.

    Args:
        single: One picture in the narrow form.
        batches: More in the same form.

    """
    fitting = [each.batch for each in batches if each.median_s <= _BATCH_WORTH * single.median_s]
    return max(fitting, default=1)


def worth_widening(narrow: Measurement, *, cores: int) -> bool:
    """Say whether a form on all cores is worth trying."""
    return cores > 1 and narrow.median_s >= _LEAST_RUN_FOR_WIDE_S


def choose_form(narrow: Measurement, wide: Measurement) -> Form:
    """Choose between one form and both."""
    return "both" if wide.median_s <= _WORTH * narrow.median_s else "narrow"


def batch_sizes(session: Timed, narrow: Measurement) -> tuple[int, ...]:
    """Say which batches are worth timing: none where runs are long, for there a thread's time is well spent on one."""
    if session.fixed_batch is not None or narrow.median_s >= _LEAST_RUN_FOR_WIDE_S:
        return ()
    return _BATCHES
