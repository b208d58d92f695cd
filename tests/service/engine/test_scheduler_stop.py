"""A scheduler that is told to end finishes what it has accepted, and nothing new."""

from __future__ import annotations

import asyncio
import math
import threading

import pytest

from service.engine.lane import Finished
from service.engine.scheduler import Scheduler
from service.errors import DrainingError
from tests.service.engine.gates import FAR_S, WATCHDOG_S, Clock, WorkLane, queue, soon, start_blocking, work_lane


async def test_draining_refuses_what_is_new_and_finishes_what_was_accepted(
    lane: WorkLane, scheduler: Scheduler
) -> None:
    """Accepted work still answers; a newcomer is sent elsewhere at once."""
    first, first_task = await start_blocking(lane)
    second_task = await queue(lane, lambda: "second")
    scheduler.drain()
    with pytest.raises(DrainingError) as caught:
        await lane.submit(int, deadline_s=FAR_S)
    assert caught.value.retry_after_s > 0
    first.gate.set()
    assert (await soon(first_task), await soon(second_task)) == (
        Finished("first", waited_s=0.0),
        Finished("second", waited_s=0.0),
    )
    assert lane.depth == 0


async def test_what_belongs_to_an_accepted_request_is_taken_while_draining(
    lane: WorkLane, scheduler: Scheduler
) -> None:
    """The later pictures of a request whose first ones were taken are as good as accepted."""
    scheduler.drain()
    assert (await lane.submit(lambda: 7, deadline_s=FAR_S, accepted=True)).value == 7


async def test_stopping_ends_the_threads_after_the_work_that_waits(clock: Clock) -> None:
    """Nothing accepted is lost, and no thread is left."""
    before = threading.active_count()
    scheduler = Scheduler(threads=3, clock=clock)
    scheduler.start()
    lane = work_lane(scheduler, capacity=50, run_s=0.1)
    tasks = [await queue(lane, lambda: 7) for _ in range(5)]
    stopping = asyncio.create_task(asyncio.to_thread(scheduler.stop))
    assert [finished.value for finished in await asyncio.gather(*tasks)] == [7] * 5
    await soon(stopping)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("inference-")]
    assert threading.active_count() <= before + 1  # the pool of to_thread


async def test_stopping_with_patience_gives_up_on_a_thread_that_does_not_end(
    lane: WorkLane, scheduler: Scheduler
) -> None:
    """A process that must end says so and does not hang on one endless picture; asked again later, it is done."""
    first, first_task = await start_blocking(lane)
    assert not await asyncio.to_thread(scheduler.stop, patience_s=0.0)
    first.gate.set()
    await soon(first_task)
    assert await asyncio.to_thread(scheduler.stop, patience_s=WATCHDOG_S)
    assert await asyncio.to_thread(scheduler.stop)


def test_the_moment_of_draining_is_that_of_the_first_call(clock: Clock) -> None:
    """A second signal does not restart the time within which accepted work must end."""
    scheduler = Scheduler(threads=1, clock=clock)
    assert scheduler.draining_since_s == math.inf
    scheduler.drain()
    clock.now_s += 5
    scheduler.drain()
    assert scheduler.draining_since_s == clock.now_s - 5


def test_a_loop_that_is_closed_while_work_runs_leaves_the_thread_alive() -> None:
    """A process that ends its loop first still stops cleanly: the thread takes the next job."""
    scheduler = Scheduler(threads=1)
    scheduler.start()
    deadline_s = scheduler.clock() + FAR_S

    async def submit_and_leave() -> threading.Event:
        first, task = await start_blocking(work_lane(scheduler, capacity=1, run_s=0.1), deadline_s=deadline_s)
        task.cancel()
        return first.gate

    async def submit_again() -> Finished[object]:
        return await work_lane(scheduler, capacity=1, run_s=0.1).submit(lambda: 7, deadline_s=deadline_s)

    asyncio.run(submit_and_leave()).set()
    assert asyncio.run(submit_again()).value == 7
    scheduler.stop()
