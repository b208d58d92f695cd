"""A scheduler of one thread, under a clock of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from service.engine.scheduler import Scheduler
from tests.service.engine.gates import Clock, WorkLane, work_lane


@pytest.fixture
def clock() -> Clock:
    """Make a clock that stands still."""
    return Clock()


@pytest.fixture
async def scheduler(clock: Clock) -> AsyncIterator[Scheduler]:
    """Run one thread for as long as a test takes, and see that nothing failed where nobody awaits it."""
    unawaited: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unawaited.append(context))
    scheduler = Scheduler(threads=1, clock=clock)
    scheduler.start()
    yield scheduler
    await asyncio.to_thread(scheduler.stop)
    await asyncio.sleep(0)  # what the last job left for the loop
    assert not unawaited


@pytest.fixture
def lane(scheduler: Scheduler) -> WorkLane:
    """Make a lane with room for three."""
    return work_lane(scheduler, capacity=3, run_s=0.5)
