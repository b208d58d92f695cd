"""One model's bounded share of a scheduler: what may wait, what became of it, and when to come back.

Every piece of work that is submitted ends in exactly one way: its value, its own error, `QueueFullError`,
`DrainingError`, `DeadlineExceededError`, or the cancellation of its caller. Work whose caller has gone or whose
deadline has passed is dropped before it starts and frees its place at once; work that has started runs to its end and
its result is discarded.

    caller on the event loop ──▶ submit ──▶ a thread: execute ──▶ post ──▶ the event loop: settle ──▶ caller

Knows neither pictures nor networks: work is an item that the lane's `run` understands.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from service.engine.cost import Cost
from service.engine.scheduler import Scheduler
from service.errors import DeadlineExceededError, DrainingError, QueueFullError

Item = TypeVar("Item")
Value = TypeVar("Value")
Item_contra = TypeVar("Item_contra", contravariant=True)
Value_co = TypeVar("Value_co", covariant=True)

_DRAIN_RETRY_S: Final = 5.0  # a restart takes about this long; the caller may find another instance sooner
_LEAST_PER_THREAD: Final = 2  # one in work and one waiting, so that a slow model's threads do not stand idle
_WORK_SHARE: Final = 0.9  # of the target time; the rest is for reading requests, answering, and estimates that are off
_PATIENT_SHARE: Final = 0.5  # of that, which work that is not urgent may take up


@dataclass(frozen=True, slots=True)
class Finished(Generic[Value]):
    """What became of a piece of work.

    Args:
        value: What its run gave.
        waited_s: Seconds in which nobody worked on it.
        batch: Pieces in the same run, itself included.

    """

    value: Value
    waited_s: float
    batch: int = 1


class Run(Protocol[Item_contra, Value_co]):
    """Runs items on the thread that calls it."""

    def __call__(self, items: Sequence[Item_contra], /, *, alone: bool) -> Sequence[Value_co | BaseException]:
        """Give for each item its value or its error; what is raised instead is the error of all.

        Args:
            items: At least one.
            alone: Whether nothing else runs or waits, so that all cores are free.

        """


@dataclass(slots=True, eq=False)
class Job(Generic[Item, Value]):
    """A piece of work from its submission to its end."""

    item: Item | None  # None once it was abandoned or run: the job may outlive what it was about
    lane: Lane[Item, Value]
    future: asyncio.Future[Finished[Value]]  # until it was settled or abandoned
    submitted_s: float
    deadline_s: float
    size: float
    expected_s: float
    started_s: float = 0.0  # when work on it began, on the scheduler's clock
    took_s: float | None = None  # seconds of one thread, for the cost of those to come; None where they say nothing
    started: bool = False
    abandoned: bool = False


class Lane(Generic[Item, Value]):
    """A bounded queue before one model; used from one event loop only.

    Args:
        scheduler: Whose threads run the work.
        run: Runs some items.
        capacity: Most pieces of work that run and wait, whatever their time.
        cost: What pieces are expected to take; kept up to date from real runs.
        target_s: Time within which accepted work is to be done; with `cost` it bounds what is accepted.
        batch: Most items that `run` is given at once.

    `learns_alone` says whether runs that had all cores to themselves tell what a run costs; where these run in another
    form than the rest they do not.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        *,
        run: Run[Item, Value],
        capacity: int,
        cost: Cost,
        target_s: float,
        batch: int = 1,
    ) -> None:
        self.capacity = capacity
        self.cost = cost
        self.target_s = target_s
        self.batch = batch
        self.learns_alone = True
        self.depth = 0
        self._scheduler = scheduler
        self._run = run

    async def submit(
        self, item: Item, *, deadline_s: float, size: float = 0.0, urgent: bool = True, accepted: bool = False
    ) -> Finished[Value]:
        """Run a piece of work on a thread and wait for it.

        Args:
            item: For the lane's `run`.
            deadline_s: When its value is of no more use, on the scheduler's clock.
            size: How large it is, in the unit of the lane's cost.
            urgent: Whether it goes before work that is not; such work is also refused sooner.
            accepted: Whether it belongs to a request that was accepted before the scheduler drained.

        Raises:
            DrainingError: The scheduler takes nothing new.
            QueueFullError: What is here already takes all the time there is.
            DeadlineExceededError: The deadline passed before the value was there.

        """
        scheduler = self._scheduler
        if scheduler.draining and not accepted:
            raise DrainingError(retry_after_s=_DRAIN_RETRY_S)
        expected_s = self.cost.expected_s(size)
        if not self._has_room(expected_s, urgent=urgent):
            raise QueueFullError(capacity=self.bound, retry_after_s=self.expected_wait_s())
        loop = asyncio.get_running_loop()
        job = Job(item, self, loop.create_future(), scheduler.clock(), deadline_s, size, expected_s)
        del item  # the job alone holds it, and lets go of it when nobody waits any more
        self.depth += 1
        scheduler.pending_s += expected_s
        scheduler.put(job, urgent=urgent)
        future, patience_s = job.future, deadline_s - job.submitted_s
        timer = loop.call_later(patience_s, _expire, future, patience_s)
        try:
            return await future
        finally:
            timer.cancel()
            self._abandon(job)
            del future  # likewise: the traceback of its error holds this frame

    def stop(self, *, patience_s: float = math.inf) -> bool:  # noqa: ARG002  for lanes with threads of their own
        """End threads of its own, of which this kind has none; called when the scheduler has stopped.

        Args:
            patience_s: Longest wait, in seconds.

        Returns:
            Whether all of them ended.

        """
        return True

    @property
    def run_s(self) -> float:
        """Expected seconds of a typical piece."""
        return self.cost.typical_s

    @property
    def bound(self) -> int:
        """Most typical pieces that may run and wait while other lanes are empty; two for each thread at least."""
        in_time = self._allowed_s / self.run_s
        return int(min(self.capacity, max(_LEAST_PER_THREAD * self._scheduler.threads, in_time)))

    def expected_wait_s(self) -> float:
        """Estimate how long the work that is here now will take, that of other lanes included."""
        return self._scheduler.pending_s / self._scheduler.threads

    @property
    def _allowed_s(self) -> float:
        return _WORK_SHARE * self.target_s * self._scheduler.threads

    def _has_room(self, expected_s: float, *, urgent: bool) -> bool:
        share = 1.0 if urgent else _PATIENT_SHARE
        if self.depth >= self.capacity:
            return False
        if self.depth < share * _LEAST_PER_THREAD * self._scheduler.threads:
            return True  # however slow the model is, or however busy the others are
        return self._scheduler.pending_s + expected_s <= share * self._allowed_s

    def execute(self, jobs: list[Job[Item, Value]], *, alone: bool) -> None:
        """Run jobs on this thread and post what became of each to its event loop."""
        jobs = self.begin(jobs)
        if jobs:
            self.post(jobs, self._outcomes(jobs, alone=alone))

    def begin(self, jobs: list[Job[Item, Value]]) -> list[Job[Item, Value]]:
        """Note that a thread took jobs, and leave out those that nobody waits for."""
        now_s = self._scheduler.clock()
        for job in jobs:
            job.started_s = now_s
        return [job for job in jobs if self.is_wanted(job, now_s)]

    def is_wanted(self, job: Job[Item, Value], now_s: float) -> bool:
        """Say whether somebody waits for a job that a thread took; where nobody does its place is freed."""
        if now_s < job.deadline_s and not job.future.done():  # done: its caller left, or heard that it is too late
            return True
        self.post([job], [DeadlineExceededError(deadline_s=job.deadline_s - job.submitted_s)])
        return False

    def _outcomes(self, jobs: list[Job[Item, Value]], *, alone: bool) -> Sequence[Value | BaseException]:
        items = [job.item for job in jobs if job.item is not None]  # none is: only a job nobody took is abandoned
        try:
            return self._run(items, alone=alone)
        except BaseException as raised:  # noqa: BLE001  it belongs to the callers, whatever it is
            return [raised] * len(jobs)
        finally:
            took_s = (self._scheduler.clock() - jobs[0].started_s) / len(jobs)
            for job in jobs:
                job.item = None
                job.took_s = took_s if self.learns_alone or not alone else None

    def post(self, jobs: list[Job[Item, Value]], outcomes: Sequence[Value | BaseException]) -> None:
        """Hand what became of jobs to their event loop, from any thread.

        Args:
            jobs: At least one.
            outcomes: For each its value or its error. Whoever calls this keeps no name for them: the traceback of an
                error holds the frames of its callers, and each would keep the other in memory.

        """
        if len(outcomes) != len(jobs):  # then nobody knows whose is which
            outcomes = [RuntimeError(f"{len(jobs)} pieces of work came to {len(outcomes)} outcomes")] * len(jobs)
        with suppress(RuntimeError):  # the event loop was closed while this ran; nobody waits any more
            jobs[0].future.get_loop().call_soon_threadsafe(self._settle, jobs, outcomes)

    def _settle(self, jobs: list[Job[Item, Value]], outcomes: Sequence[Value | BaseException]) -> None:
        """Free the places of jobs that a thread is done with, and hand over what became of them."""
        for job, outcome in zip(jobs, outcomes, strict=True):
            self._leave(job)
            future = job.future
            del job.future  # likewise: the traceback of its error holds the thread's frames, and these hold the job
            if isinstance(outcome, BaseException):
                if not future.done():
                    future.set_exception(_carried(outcome))
                continue
            if job.took_s is not None:
                self.cost.learn(size=job.size, run_s=job.took_s)
            if not future.done():
                future.set_result(Finished(outcome, job.started_s - job.submitted_s, len(jobs)))

    def _abandon(self, job: Job[Item, Value]) -> None:
        """Free the place of a job that no thread has taken yet; one that has started frees it when it ends."""
        with self._scheduler.lock:
            if job.started or job.abandoned:
                return
            job.abandoned = True
            self._scheduler.forget()
        # The job stays in the queue until a thread comes by; what it holds need not, and neither need an error that has
        # the frames of its caller in its traceback, and with them the picture.
        job.item = None
        del job.future
        self._leave(job)

    def _leave(self, job: Job[Item, Value]) -> None:
        self.depth -= 1
        self._scheduler.pending_s -= job.expected_s


def _carried(error: BaseException) -> Exception:
    """Make of an error of the work what its caller is to get.

    A future cannot carry `StopIteration`, and what is no `Exception` would end the event loop or pass for the caller's
    own cancellation: an error stands in for these.
    """
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return RuntimeError(f"work raised {error!r}")


def _expire(future: asyncio.Future[Finished[Value]], patience_s: float) -> None:
    if not future.done():
        future.set_exception(DeadlineExceededError(deadline_s=patience_s))
