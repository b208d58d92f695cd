"""A lane takes what can be done in time and no more, and says when to come back."""

from __future__ import annotations

import asyncio
import math

import pytest

from service.engine.scheduler import Scheduler
from service.errors import QueueFullError
from tests.service.engine.gates import (
    FAR_S,
    Clock,
    GatedWork,
    WorkLane,
    outcomes,
    queue,
    soon,
    start_blocking,
    work_lane,
)


async def test_a_full_lane_refuses_at_once_and_says_when_to_come_back(lane: WorkLane) -> None:
    """Capacity counts what runs and what waits; the refusal tells how long these will take."""
    first, first_task = await start_blocking(lane)
    tasks = [await queue(lane, int) for _ in range(2)]
    with pytest.raises(QueueFullError) as caught:
        await lane.submit(int, deadline_s=FAR_S)
    assert caught.value.capacity == 3
    assert caught.value.retry_after_s == 3 * 0.5
    first.gate.set()
    await soon(asyncio.gather(first_task, *tasks))


async def test_the_expected_wait_grows_with_what_is_there_and_shrinks_with_threads(clock: Clock) -> None:
    """Depth times run time over threads."""
    for threads, expected_s in ((1, [0.0, 0.5, 1.0, 1.5]), (2, [0.0, 0.25, 0.5, 0.75])):
        scheduler = Scheduler(threads=threads, clock=clock)  # not started: everything waits
        lane = work_lane(scheduler, capacity=9, run_s=0.5)
        waits_s, tasks = [lane.expected_wait_s()], []
        for _ in range(3):
            tasks.append(await queue(lane, int))
            waits_s.append(lane.expected_wait_s())
        assert waits_s == expected_s
        for task in tasks:
            task.cancel()
        await outcomes(*tasks)


async def test_the_run_time_follows_what_work_really_takes(lane: WorkLane, clock: Clock) -> None:
    """A run of 2.5 s moves an average of 0.5 s by a tenth of the way; waiting and failing runs do not count."""
    first, first_task = await start_blocking(lane)
    failing = GatedWork(ValueError())
    failing_task = await queue(lane, failing)
    clock.now_s += 2.5
    first.gate.set()
    await soon(first_task)
    assert lane.run_s == pytest.approx(0.5 + 0.1 * 2)
    await soon(failing.started.wait())
    clock.now_s += 99
    failing.gate.set()
    await outcomes(failing_task)
    assert lane.run_s == pytest.approx(0.7)


async def test_a_lane_has_room_again_when_work_ends(lane: WorkLane) -> None:
    """A refusal is for now, not for ever."""
    first, first_task = await start_blocking(lane)
    tasks = [await queue(lane, int) for _ in range(2)]
    first.gate.set()
    await soon(asyncio.gather(first_task, *tasks))
    assert lane.depth == 0
    assert (await lane.submit(lambda: 7, deadline_s=FAR_S)).value == 7


async def test_lanes_share_threads_but_not_room(lane: WorkLane, scheduler: Scheduler) -> None:
    """A full lane does not take another model's places."""
    other = work_lane(scheduler, capacity=1, run_s=0.5)
    first, first_task = await start_blocking(lane)
    tasks = [await queue(lane, int) for _ in range(2)]
    other_task = await queue(other, int)
    assert (lane.depth, other.depth) == (3, 1)
    first.gate.set()
    await soon(asyncio.gather(first_task, *tasks, other_task))
    assert (lane.depth, other.depth) == (0, 0)


@pytest.mark.parametrize(
    ("run_s", "target_s", "threads", "capacity", "bound"),
    [
        (0.1, 1.0, 1, 100, 9),
        (0.1, 1.0, 3, 100, 27),
        (0.4, 1.0, 1, 100, 2),
        (5.0, 1.0, 1, 100, 2),
        (5.0, 1.0, 4, 100, 8),
        (0.1, 1.0, 1, 7, 7),
        (0.0, 1.0, 1, 500, 500),
        (0.1, math.inf, 1, 7, 7),
        (5.0, 1.0, 4, 1, 1),
    ],
)
def test_the_bound_is_what_can_be_done_within_the_target_time(
    run_s: float, target_s: float, threads: int, capacity: int, bound: int
) -> None:
    """Nine tenths of the target over run time, for each thread; two at least, and never above the capacity."""
    lane = work_lane(Scheduler(threads=threads), capacity=capacity, run_s=run_s, target_s=target_s)
    assert lane.bound == bound


async def test_a_lane_that_becomes_slower_takes_less(scheduler: Scheduler, clock: Clock) -> None:
    """The bound follows the real run time: what was room for nine is room for two after some runs of a second."""
    lane = work_lane(scheduler, capacity=100, run_s=0.1, target_s=1.0)
    assert lane.bound == 9
    for _ in range(20):
        first, first_task = await start_blocking(lane)
        clock.now_s += 1
        first.gate.set()
        await soon(first_task)
    second, second_task = await start_blocking(lane)
    third_task = await queue(lane, int)
    with pytest.raises(QueueFullError) as caught:
        await lane.submit(int, deadline_s=FAR_S)
    assert caught.value.capacity == 2
    second.gate.set()
    await soon(asyncio.gather(second_task, third_task))
