"""A lane before a device that runs many pictures nearly as quickly as one.

    scheduler's threads: prepare ──▶ one queue ──▶ streams: take what is there, run it together

A stream never waits for a batch to fill: while one batch runs, the next gathers by itself. Batches are padded to a few
sizes, all of which ran once before the first request, because a device searches anew for each size that it meets.
"""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar, cast

from service.engine.cost import Cost
from service.engine.lane import Item, Job, Lane, Value
from service.engine.scheduler import Scheduler, join_all

Prepared = TypeVar("Prepared")
Prepared_contra = TypeVar("Prepared_contra", contravariant=True)
Value_co = TypeVar("Value_co", covariant=True)

USUAL_SIZES: Final = (1, 2, 4, 8, 16, 32)


class RunTogether(Protocol[Prepared_contra, Value_co]):
    """Runs prepared items on the stream that calls it."""

    def __call__(
        self, items: Sequence[Prepared_contra], /, *, size: int, stream: int
    ) -> Sequence[Value_co | BaseException]:
        """Give for each item its value or its error; what is raised instead is the error of all.

        Args:
            items: At least one.
            size: What the batch is padded to; no less than there are items.
            stream: Number of the stream, from 0.

        """


@dataclass(frozen=True, slots=True)
class _Ready(Generic[Item, Prepared, Value]):
    """A job whose item was prepared, and how long that took."""

    job: Job[Item, Value]
    prepared: Prepared
    prepare_s: float


class DeviceLane(Lane[Item, Value], Generic[Item, Prepared, Value]):
    """A lane whose items are prepared on the scheduler's threads and run on streams of its own.

    Args:
        scheduler: Whose threads prepare.
        prepare: Makes of an item what the device takes.
        run: Runs several of these.
        streams: Batches that run at once.
        sizes: Batch sizes that were warmed up, rising.
        capacity: Most items that are prepared, wait and run.
        cost: What an item is expected to take of one thread.
        target_s: Time within which accepted work is to be done.

    """

    def __init__(
        self,
        scheduler: Scheduler,
        *,
        prepare: Callable[[Item], Prepared],
        run: RunTogether[Prepared, Value],
        streams: int,
        capacity: int,
        cost: Cost,
        target_s: float,
        sizes: tuple[int, ...] = USUAL_SIZES,
    ) -> None:
        super().__init__(scheduler, run=_refuse, capacity=capacity, cost=cost, target_s=target_s)
        self.sizes = sizes
        self._prepare = prepare
        self._run_together = run
        self._ready: queue.SimpleQueue[_Ready[Item, Prepared, Value] | None] = queue.SimpleQueue()
        self._streams = [
            threading.Thread(target=self._stream, args=(number,), name=f"device-{number}", daemon=True)
            for number in range(streams)
        ]

    def start(self) -> None:
        """Start the streams."""
        for stream in self._streams:
            stream.start()

    def stop(self, *, patience_s: float = math.inf) -> bool:
        """End the streams after what is queued, and wait for them; called when the scheduler has stopped.

        Args:
            patience_s: Longest wait, in seconds: a device that hangs must not keep the process from ending.

        Returns:
            Whether all of them ended.

        """
        for _ in self._streams:
            self._ready.put(None)
        return not join_all(self._streams, patience_s=patience_s)

    def execute(self, jobs: list[Job[Item, Value]], *, alone: bool) -> None:  # noqa: ARG002  a device has one form
        """Prepare jobs on this thread, and leave the rest to the streams."""
        for job in self.begin(jobs):
            started_s = self._scheduler.clock()
            try:
                prepared = self._prepare(cast("Item", job.item))  # only a job that no thread took has lost it
            except BaseException as raised:  # noqa: BLE001  it belongs to the caller, whatever it is
                self.post([job], [raised])
            else:
                self._ready.put(_Ready(job, prepared, self._scheduler.clock() - started_s))
            finally:
                job.item = None

    def _stream(self, number: int) -> None:
        while self._turn(number):
            pass  # no name here for the last batch, which would keep its tensors in memory until the next one comes

    def _turn(self, number: int) -> bool:
        """Sleep until something is ready, and run all that is; False ends the stream."""
        first = self._ready.get()
        if first is None:
            return False
        now_s = self._scheduler.clock()
        # Each is asked once: somebody may leave at any moment, and is either in the batch or has been told of.
        batch = [one for one in (first, *self._more(self.sizes[-1] - 1)) if self.is_wanted(one.job, now_s)]
        if batch:
            self.post([one.job for one in batch], self._run_batch(batch, stream=number))
        return True

    def _more(self, most: int) -> list[_Ready[Item, Prepared, Value]]:
        found: list[_Ready[Item, Prepared, Value]] = []
        while len(found) < most:
            try:
                one = self._ready.get_nowait()
            except queue.Empty:
                break
            if one is None:
                self._ready.put(None)  # the end, for the next turn
                break
            found.append(one)
        return found

    def _run_batch(self, batch: list[_Ready[Item, Prepared, Value]], *, stream: int) -> Sequence[Value | BaseException]:
        started_s = self._scheduler.clock()
        size = next(size for size in self.sizes if size >= len(batch))
        try:
            return self._run_together([one.prepared for one in batch], size=size, stream=stream)
        except BaseException as raised:  # noqa: BLE001  it belongs to the callers, whatever it is
            return [raised] * len(batch)
        finally:
            run_s = self._scheduler.clock() - started_s
            # The slower of the two bounds the lane: preparing on all threads of the scheduler, or running on the
            # streams.
            share = self._scheduler.threads / len(self._streams) / len(batch)
            for one in batch:
                one.job.took_s = max(run_s * share, one.prepare_s)
                one.job.started_s = started_s - one.prepare_s  # it waited twice, before and after it was prepared


def _refuse(items: Sequence[object], *, alone: bool) -> Sequence[BaseException]:
    raise AssertionError(f"{len(items)} items came to the threads of the scheduler, alone: {alone}")
