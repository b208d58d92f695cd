"""Who runs what when: threads that take work from all lanes, urgent work first and the oldest of it first.

    lane.submit ──▶ urgent ─┐
                            ├─▶ n threads ──▶ lane.execute ──▶ back on the event loop
                ──▶ patient ┘

A thread takes one piece, or several of one lane where the lane runs several at once as cheaply and more wait than the
other threads can take. It never waits for more to come.

Knows neither pictures nor networks, and of a piece of work only when it was abandoned.
"""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from service.telemetry.logs import log

_WORK: Final = True
_END: Final = False


class Job(Protocol):
    """A piece of work as the scheduler sees it."""

    @property
    def lane(self) -> Executor:
        """Whose it is."""

    @property
    def abandoned(self) -> bool:
        """Whether nobody waits for it any more; under the scheduler's lock."""

    started: bool


class Executor(Protocol):
    """What runs jobs on a thread of the scheduler."""

    @property
    def batch(self) -> int:
        """Most jobs that it runs at once."""

    def execute(self, jobs: list[Any], *, alone: bool) -> None:
        """Run jobs and hand over what became of them; raises nothing.

        Args:
            jobs: At least one.
            alone: Whether nothing else runs or waits, so that all cores are free for them.

        """


class Scheduler:
    """Threads that run work from any number of lanes.

    Args:
        threads: Pieces of work that run at once.
        clock: Monotonic seconds; the event loop's own clock in a running service.

    """

    def __init__(self, *, threads: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.threads = threads
        self.clock = clock
        self.draining = False
        self.draining_since_s = math.inf
        self.pending_s = 0.0  # expected seconds of all that waits and runs; of the event loop only
        self.lock = threading.Lock()  # over the two queues and every job's `started` and `abandoned`
        self._urgent: deque[Job] = deque()
        self._patient: deque[Job] = deque()
        self._tickets: queue.SimpleQueue[bool] = queue.SimpleQueue()  # one for each job: threads sleep on it
        self._waiting = 0
        self._running = 0
        self._arrived = 0
        self._workers: list[threading.Thread] = []

    @property
    def idle(self) -> bool:
        """Whether nothing runs and nothing waits."""
        with self.lock:
            return not self._running and not self._waiting

    @property
    def arrived(self) -> int:
        """Jobs that came so far: two equal readings say that nothing came between them."""
        return self._arrived

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
        for _ in self._workers:
            self._tickets.put(_END)
        self._workers = join_all(self._workers, patience_s=patience_s)
        return not self._workers

    def put(self, job: Job, *, urgent: bool) -> None:
        """Queue a job that its lane has accepted."""
        with self.lock:
            (self._urgent if urgent else self._patient).append(job)
            self._waiting += 1
            self._arrived += 1
        self._tickets.put(_WORK)

    def forget(self) -> None:
        """Count one waiting job less; under the lock, by whoever abandoned it."""
        self._waiting -= 1

    def _work(self) -> None:
        while self._turn():
            pass  # no name here for the last jobs, which would keep their pictures in memory until the next ones come

    def _turn(self) -> bool:
        """Sleep until there is work and run some; False ends the thread."""
        if self._tickets.get() is _END:
            return False
        jobs, alone = self._take()
        if jobs:
            try:
                jobs[0].lane.execute(jobs, alone=alone)
            except Exception as error:  # noqa: BLE001  a lane raises nothing; where one does, others need this thread
                log(logging.CRITICAL, "work without outcome", error=error)
            finally:
                with self.lock:
                    self._running -= 1
        return True

    def _take(self) -> tuple[list[Job], bool]:
        """Take the next job, and those behind it that can share its run."""
        with self.lock:
            line = self._first_line()
            if line is None:
                return [], False  # abandoned, or another thread took it along
            lane = line[0].lane
            share = min(lane.batch, 1 + (self._waiting - 1) // self.threads)
            jobs = [self._start_next(line)]
            while len(jobs) < share and (line := self._first_line()) and line[0].lane is lane:
                jobs.append(self._start_next(line))
            alone = not self._running and not self._waiting
            self._running += 1
        return jobs, alone

    def _first_line(self) -> deque[Job] | None:
        """Find the queue whose first job is the next to run."""
        for line in (self._urgent, self._patient):
            while line and line[0].abandoned:
                line.popleft()
            if line:
                return line
        return None

    def _start_next(self, line: deque[Job]) -> Job:
        job = line.popleft()
        job.started = True
        self._waiting -= 1
        return job


def join_all(threads: Iterable[threading.Thread], *, patience_s: float) -> list[threading.Thread]:
    """Wait for threads that were told to end.

    Args:
        threads: Started.
        patience_s: Longest wait for all of them together, in seconds.

    Returns:
        Those that did not end.

    """
    until_s = time.monotonic() + patience_s
    left = list(threads)
    for thread in left:
        thread.join(None if patience_s == math.inf else max(0.0, until_s - time.monotonic()))
    return [thread for thread in left if thread.is_alive()]
