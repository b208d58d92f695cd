"""Work behind gates and a clock that stands still: what the tests of the scheduler have in common."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from service.engine.cost import Cost
from service.engine.lane import Finished, Lane
from service.engine.scheduler import Scheduler

Work: TypeAlias = Callable[[], object]
WorkLane: TypeAlias = Lane[Work, object]

FAR_S = 10_000.0  # a deadline that no test reaches
WATCHDOG_S = 30.0  # ends a test that hangs; nothing is measured by it


@dataclass
class Clock:
    """Monotonic seconds that pass when a test says so."""

    now_s: float = 1000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now_s


@dataclass
class GatedWork:
    """Work that says when it starts and goes on when its gate is opened."""

    value: object = None
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    gate: threading.Event = field(default_factory=threading.Event)
    runs: int = 0

    def __call__(self) -> object:
        """Run on a thread of the scheduler."""
        self.runs += 1
        self.loop.call_soon_threadsafe(self.started.set)
        assert self.gate.wait(WATCHDOG_S)
        if isinstance(self.value, BaseException):
            raise self.value
        return self.value


def work_lane(
    scheduler: Scheduler,
    *,
    capacity: int,
    run_s: float = 0.5,
    per_size_s: float = 0.0,
    target_s: float = math.inf,
    batch: int = 1,
) -> WorkLane:
    """Make a lane whose items are functions to call."""
    cost = Cost(run_s, per_size_s)
    return Lane(scheduler, run=call_each, capacity=capacity, cost=cost, target_s=target_s, batch=batch)


def call_each(items: Sequence[Work], *, alone: bool) -> list[object]:  # noqa: ARG001  a lane tells it
    """Call one item after the other; the first that raises fails all."""
    return [work() for work in items]


def submit(lane: WorkLane, work: Work, *, deadline_s: float = FAR_S) -> asyncio.Task[Finished[object]]:
    """Submit work as a caller of its own."""
    return asyncio.create_task(submit_and_wait(lane, work, deadline_s))


async def submit_and_wait(lane: WorkLane, work: Work, deadline_s: float) -> Finished[object]:
    """Submit work and wait for its outcome."""
    return await lane.submit(work, deadline_s=deadline_s)


async def soon(awaitable: Awaitable[object]) -> object:
    """Wait, but not for ever."""
    return await asyncio.wait_for(awaitable, WATCHDOG_S)


async def outcomes(*tasks: asyncio.Task[Finished[object]]) -> list[object]:
    """Wait until each task has ended, in whatever way."""
    return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), WATCHDOG_S)


async def start_blocking(
    lane: WorkLane, *, deadline_s: float = FAR_S
) -> tuple[GatedWork, asyncio.Task[Finished[object]]]:
    """Occupy the thread until the gate is opened."""
    work = GatedWork("first")
    task = submit(lane, work, deadline_s=deadline_s)
    await soon(work.started.wait())
    return work, task


async def queue(lane: WorkLane, work: Work, *, deadline_s: float = FAR_S) -> asyncio.Task[Finished[object]]:
    """Submit work, and return when it waits in the lane."""
    task = submit(lane, work, deadline_s=deadline_s)
    await asyncio.sleep(0)  # one turn of the loop: the task runs up to where it waits for its outcome
    return task
