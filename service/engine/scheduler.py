"""Who runs what when: a bounded lane of waiting work per model, and the threads that all lanes share.

    submit ──▶ lane (bounded) ──▶ one queue, first come first served ──▶ n threads ──▶ back on the event loop

Every submitted piece of work ends in exactly one way: its value, its own error, `QueueFullError`, `DrainingError`,
`DeadlineExceededError`, or the cancellation of its caller. Work whose caller has gone or whose deadline has passed is
dropped before it starts and frees its place at once; work that has started runs to its end and its result is discarded.

Knows neither pictures nor networks: work is a function without arguments.
"""

from __future__ import annotations

import asyncio
import math
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from service.errors import DeadlineExceededError, DrainingError, QueueFullError

Value = TypeVar("Value")

_DRAIN_RETRY_S: Final = 5.0  # a restart takes about this long; the caller may find another instance sooner
_RUN_TIME_WEIGHT: Final = 0.1  # of the newest run in the moving average
_LEAST_PER_THREAD: Final = 2  # one in work and one waiting, so that a slow model's threads do not stand idle
_LEAST_RUN_S: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Finished(Generic[Value]):
    """The value of a piece of work, and how long it waited for a thread, in seconds."""

    value: Value
    waited_s: float


@dataclass(slots=True, eq=False)
class _Job:
    work: Callable[[], Any]
    lane: Lane
    future: asyncio.Future[Finished[Any]]
    submitted_s: float
    deadline_s: float
    started: bool = False
    abandoned: bool = False
    guard: threading.Lock = field(default_factory=threading.Lock)


class Scheduler:
    """Threads that run work from any number of lanes, oldest first.

    Args:
        threads: Pieces of work that run at once.
        clock: Monotonic seconds; the event loop's own clock in a running service.

    """

    def __init__(self, *, threads: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.threads = threads
        self.clock = clock
        self.draining = False
        self.draining_since_s = math.inf
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._workers: list[threading.Thread] = []

    def start(self) -> None:
        """Start the threads."""
        for number in range(self.threads):
            worker = threading.Thread(target=self._work, name=f"inference-{number}", daemon=True)
            worker.start()
            self._workers.append(worker)

    def drain(self) -> None:
        """Refuse new work from now on; what was accepted still runs."""
        if not self.draining:
            self.draining_since_s = self.clock()
        self.draining = True

    def stop(self, *, patience_s: float = math.inf) -> bool:
        """End the threads after the work that is queued, and wait for them.

        Args:
            patience_s: Longest wait, in seconds.

        Returns:
            Whether all of them ended; one that did not runs on until the process ends.

        """
        until_s = time.monotonic() + patience_s
        for _ in self._workers:
            self._jobs.put(None)
        for worker in self._workers:
            worker.join(None if patience_s == math.inf else max(0.0, until_s - time.monotonic()))
        self._workers = [worker for worker in self._workers if worker.is_alive()]
        return not self._workers

    def put(self, job: _Job) -> None:
        """Queue a job that its lane has accepted."""
        self._jobs.put(job)

    def _work(self) -> None:
        while self._run(self._jobs.get()):
            pass  # without a name for the last job, which would keep its picture in memory until the next one comes

    def _run(self, job: _Job | None) -> bool:
        """Run one job and hand its outcome to its lane; False ends the thread."""
        if job is None:
            return False
        with job.guard:
            if job.abandoned:
                return True  # its place was freed when its caller went
            job.started = True
        started_s = self.clock()
        value: object = None
        error: BaseException | None = None
        if started_s >= job.deadline_s:
            error = DeadlineExceededError(deadline_s=job.deadline_s - job.submitted_s)
        else:
            try:
                value = job.work()
            except StopIteration as raised:
                error = RuntimeError(f"work raised {raised!r}, which no future can carry")
            except BaseException as raised:  # noqa: BLE001  it belongs to the caller, whatever it is
                error = raised
        run_s = self.clock() - started_s
        finished = Finished(value=value, waited_s=started_s - job.submitted_s)
        with suppress(RuntimeError):  # the event loop was closed while this ran; nobody waits any more
            job.future.get_loop().call_soon_threadsafe(job.lane.settle, job, finished, error, run_s)
        return True


class Lane:
    """One model's bounded share of a scheduler; used from one event loop only.

    Args:
        scheduler: Whose threads run the work.
        capacity: Most pieces of work that run and wait, whatever their time.
        run_s: Expected seconds of one run; kept up to date from real runs.
        target_s: Time within which accepted work is to be done; with `run_s` it bounds what is accepted.

    """

    def __init__(self, scheduler: Scheduler, *, capacity: int, run_s: float, target_s: float = math.inf) -> None:
        self.capacity = capacity
        self.run_s = run_s
        self.target_s = target_s
        self.depth = 0
        self._scheduler = scheduler

    async def submit(self, work: Callable[[], Value], *, deadline_s: float) -> Finished[Value]:
        """Run a piece of work on a thread and wait for it.

        Args:
            work: Called once, on one of the scheduler's threads.
            deadline_s: When its value is of no more use, on the scheduler's clock.

        Raises:
            DrainingError: The scheduler takes nothing new.
            QueueFullError: `bound` pieces run and wait already.
            DeadlineExceededError: The deadline passed before the value was there.

        """
        if self._scheduler.draining:
            raise DrainingError(retry_after_s=_DRAIN_RETRY_S)
        bound = self.bound
        if self.depth >= bound:
            raise QueueFullError(capacity=bound, retry_after_s=self.expected_wait_s())
        loop = asyncio.get_running_loop()
        job = _Job(work, self, loop.create_future(), self._scheduler.clock(), deadline_s)
        self.depth += 1
        self._scheduler.put(job)
        timer = loop.call_later(deadline_s - job.submitted_s, self._expire, job)
        try:
            return await job.future
        finally:
            timer.cancel()
            self._abandon(job)

    @property
    def bound(self) -> int:
        """Most pieces of work that may run and wait at the present run time: one waits for each that runs at least."""
        threads = self._scheduler.threads
        in_time = self.target_s * threads / max(self.run_s, _LEAST_RUN_S)
        return int(min(self.capacity, max(_LEAST_PER_THREAD * threads, in_time)))

    def expected_wait_s(self) -> float:
        """Estimate how long the work that is here now will take."""
        return self.depth * self.run_s / self._scheduler.threads

    def settle(self, job: _Job, finished: Finished[Any], error: BaseException | None, run_s: float) -> None:
        """Free the place of a job that a thread is done with, and hand over what became of it."""
        self.depth -= 1
        if error is None:
            self.run_s += _RUN_TIME_WEIGHT * (run_s - self.run_s)
        if job.future.done():
            return
        if error is None:
            job.future.set_result(finished)
        else:
            job.future.set_exception(error)

    def _expire(self, job: _Job) -> None:
        if not job.future.done():
            job.future.set_exception(DeadlineExceededError(deadline_s=job.deadline_s - job.submitted_s))

    def _abandon(self, job: _Job) -> None:
        """Free the place of a job that no thread has taken yet; one that has started frees it when it ends."""
        with job.guard:
            if not job.started and not job.abandoned:
                job.abandoned = True
                job.work = _nothing  # the job stays in the queue until a thread comes by; what it holds need not
                self.depth -= 1


def _nothing() -> None:
    """Stand in for work that nobody waits for."""
