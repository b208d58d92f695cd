"""A lane before a device that runs many pictures nearly as quickly as one.

    scheduler's threads: prepare ──▶ one queue ──▶ streams: take what is there, run it together

A stream never waits for a batch to fill: while one batch runs, the next gathers by itself. Batches are padded to a few
sizes, all of which ran once before the first request, because a device searches anew for each size that it meets.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar, cast

from service.engine.cost import Cost
from service.engine.lane import Item, Job, Lane, Value, unraisable
from service.engine.scheduler import Scheduler
from service.errors import CallerGoneError

Prepared = TypeVar("Prepared")
Prepared_contra = TypeVar("Prepared_contra", contravariant=True)
Value_co = TypeVar("Value_co", covariant=True)

USUAL_SIZES: Final = (1, 2, 4, 8, 16, 32)


class RunTogether(Protocol[Prepared_contra, Value_co]):
    """Runs prepared items on the stream that calls it."""

    def __call__(self, items: Sequence[Prepared_contra], /, *, size: int, stream: int) -> Sequence[Value_co]:
        """Give the value of each item.

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

    def stop(self) -> None:
        """End the streams after what is queued, and wait for them; called when the scheduler has stopped."""
        for _ in self._streams:
            self._ready.put(None)
        for stream in self._streams:
            stream.join()

    def execute(self, jobs: list[Job[Item, Value]], *, alone: bool) -> None:  # noqa: ARG002  a device has one form
        """Prepare jobs on this thread, and leave the rest to the streams."""
        for job in self.begin(jobs):
            started_s = self._scheduler.clock()
            try:
                prepared = self._prepare(cast("Item", job.item))  # only a job that no thread took has lost it
            except StopIteration as raised:
                self.post([job], [unraisable(raised)], learned_s=None)
            except BaseException as raised:  # noqa: BLE001  it belongs to the caller, whatever it is
                self.post([job], [raised], learned_s=None)
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
        batch = [first, *self._more(self.sizes[-1] - 1)]
        gone = [one.job for one in batch if one.job.future.done()]  # its caller left, or its deadline passed
        if gone:
            self.post(gone, [CallerGoneError()] * len(gone), learned_s=None)
        wanted = [one for one in batch if not one.job.future.done()]
        if wanted:
            self._run_batch(wanted, stream=number)
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

    def _run_batch(self, batch: list[_Ready[Item, Prepared, Value]], *, stream: int) -> None:
        started_s = self._scheduler.clock()
        jobs = [one.job for one in batch]
        outcomes: Sequence[Value | BaseException]
        size = next(size for size in self.sizes if size >= len(batch))
        try:
            outcomes = self._run_together([one.prepared for one in batch], size=size, stream=stream)
        except StopIteration as raised:
            outcomes = [unraisable(raised)] * len(jobs)
        except BaseException as raised:  # noqa: BLE001  it belongs to the callers, whatever it is
            outcomes = [raised] * len(jobs)
        run_s = self._scheduler.clock() - started_s
        # The slower of the two bounds the lane: preparing on all threads of the scheduler, or running on the streams.
        share = self._scheduler.threads / len(self._streams) / len(batch)
        self.post(jobs, outcomes, learned_s=max(run_s * share, *(one.prepare_s for one in batch)))


def _refuse(items: Sequence[object], *, alone: bool) -> Sequence[BaseException]:
    raise AssertionError(f"{len(items)} items came to the threads of the scheduler, alone: {alone}")
