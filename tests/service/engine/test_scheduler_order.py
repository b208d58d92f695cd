"""Urgent work first, several pieces in one run where that is allowed, and time, not number, as the bound."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from service.engine.cost import Cost
from service.engine.lane import Lane
from service.engine.scheduler import Scheduler
from service.errors import QueueFullError
from tests.service.engine.gates import FAR_S, Clock, Work, outcomes, queue, soon, start_blocking, work_lane


async def test_urgent_work_overtakes_what_is_not(scheduler: Scheduler) -> None:
    """Patient work runs when nothing urgent waits, however long it has been there."""
    lane = work_lane(scheduler, capacity=9)
    order: list[str] = []
    first, first_task = await start_blocking(lane)
    tasks = []
    for name, urgent in (("patient", False), ("urgent", True), ("urgent too", True)):
        submitted = lane.submit(lambda name=name: order.append(name), deadline_s=FAR_S, urgent=urgent)  # type: ignore[misc]  # a default argument binds the loop's value
        tasks.append(asyncio.create_task(submitted))
        await asyncio.sleep(0)
    first.gate.set()
    await soon(asyncio.gather(first_task, *tasks))
    assert order == ["urgent", "urgent too", "patient"]


async def test_patient_work_is_refused_while_there_is_room_for_urgent_work(clock: Clock) -> None:
    """It may fill half of the time that there is."""
    lane = work_lane(Scheduler(threads=1, clock=clock), capacity=100, run_s=0.1, target_s=1.0)
    tasks = [await queue(lane, int) for _ in range(4)]
    with pytest.raises(QueueFullError):
        await lane.submit(int, deadline_s=FAR_S, urgent=False)
    tasks += [await queue(lane, int)]
    assert lane.depth == 5
    for task in tasks:
        task.cancel()
    await outcomes(*tasks)


async def test_a_few_large_pieces_fill_a_lane_as_many_small_ones_do(clock: Clock) -> None:
    """The bound is time: with 0.1 s for each unit of size, two of size 4 leave no room for a third within 0.9 s."""
    lane = work_lane(Scheduler(threads=1, clock=clock), capacity=100, run_s=0.01, per_size_s=0.1, target_s=1.0)
    large = [asyncio.create_task(lane.submit(int, deadline_s=FAR_S, size=4.0)) for _ in range(2)]
    await asyncio.sleep(0)
    assert lane.expected_wait_s() == pytest.approx(0.82)
    with pytest.raises(QueueFullError) as caught:
        await lane.submit(int, deadline_s=FAR_S, size=4.0)
    assert caught.value.retry_after_s == pytest.approx(0.82)
    small = await queue(lane, int)
    assert lane.depth == 3
    for task in (*large, small):
        task.cancel()
    await outcomes(*large, small)
    assert lane.expected_wait_s() == pytest.approx(0.0)


async def test_work_of_another_lane_takes_time_too(clock: Clock) -> None:
    """The threads are shared, so a lane without work of its own keeps its promise beside a busy one; two get in."""
    scheduler = Scheduler(threads=1, clock=clock)
    busy, other = (work_lane(scheduler, capacity=100, run_s=0.1, target_s=1.0) for _ in range(2))
    tasks = [await queue(busy, int) for _ in range(9)]
    tasks += [await queue(other, int) for _ in range(2)]
    with pytest.raises(QueueFullError):
        await other.submit(int, deadline_s=FAR_S)
    for task in tasks:
        task.cancel()
    await outcomes(*tasks)


class Recorder:
    """A runner that notes what it was given."""

    def __init__(self) -> None:
        self.runs: list[tuple[list[int], bool]] = []

    def __call__(self, items: Sequence[Work | int], *, alone: bool) -> list[object]:
        """Call what can be called, and note the rest."""
        if callable(items[0]):
            return [item() for item in items if callable(item)]
        self.runs.append(([item for item in items if isinstance(item, int)], alone))
        return [ValueError(str(item)) if item == 13 else item for item in items]


def _recording(scheduler: Scheduler, *, batch: int) -> tuple[Lane[Work | int, object], Recorder]:
    recorder = Recorder()
    lane = Lane(scheduler, run=recorder, capacity=99, cost=Cost(0.1), target_s=1000.0, batch=batch)
    return lane, recorder


async def test_what_waits_runs_together_up_to_the_batch_of_the_lane(scheduler: Scheduler) -> None:
    """One thread takes all that is there, in order, and never waits for more."""
    lane, recorder = _recording(scheduler, batch=3)
    first, first_task = await start_blocking(lane)  # type: ignore[arg-type]  # a lane of functions and numbers
    tasks = [asyncio.create_task(lane.submit(number, deadline_s=FAR_S)) for number in range(5)]
    await asyncio.sleep(0)
    first.gate.set()
    await soon(first_task)
    found = [await task for task in tasks]
    assert [items for items, _ in recorder.runs] == [[0, 1, 2], [3, 4]]
    assert [(one.value, one.batch) for one in found] == [(0, 3), (1, 3), (2, 3), (3, 2), (4, 2)]


async def test_a_piece_that_fails_in_a_batch_fails_alone(scheduler: Scheduler) -> None:
    """The others have their values."""
    lane, _ = _recording(scheduler, batch=8)
    first, first_task = await start_blocking(lane)  # type: ignore[arg-type]  # a lane of functions and numbers
    tasks = [asyncio.create_task(lane.submit(number, deadline_s=FAR_S)) for number in (12, 13, 14)]
    await asyncio.sleep(0)
    first.gate.set()
    await soon(first_task)
    good, bad, last = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(bad, ValueError)
    assert [getattr(one, "value", None) for one in (good, last)] == [12, 14]


async def test_those_who_left_are_not_in_the_batch(scheduler: Scheduler) -> None:
    """Their places go to the ones behind them."""
    lane, recorder = _recording(scheduler, batch=3)
    first, first_task = await start_blocking(lane)  # type: ignore[arg-type]  # a lane of functions and numbers
    tasks = [asyncio.create_task(lane.submit(number, deadline_s=FAR_S)) for number in range(5)]
    await asyncio.sleep(0)
    for number in (0, 2):
        tasks[number].cancel()
    await asyncio.gather(tasks[0], tasks[2], return_exceptions=True)
    first.gate.set()
    await soon(first_task)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [items for items, _ in recorder.runs] == [[1, 3, 4]]
    assert lane.depth == 0


async def test_a_batch_holds_one_lane_only(scheduler: Scheduler) -> None:
    """Two networks cannot run as one."""
    lane, recorder = _recording(scheduler, batch=8)
    other, others = _recording(scheduler, batch=8)
    first, first_task = await start_blocking(lane)  # type: ignore[arg-type]  # a lane of functions and numbers
    order = [(lane, 0), (other, 1), (other, 2), (lane, 3)]
    tasks = [asyncio.create_task(which.submit(number, deadline_s=FAR_S)) for which, number in order]
    await asyncio.sleep(0)
    first.gate.set()
    await soon(asyncio.gather(first_task, *tasks))
    assert [items for items, _ in recorder.runs] == [[0], [3]]
    assert [items for items, _ in others.runs] == [[1, 2]]


async def test_a_run_is_told_whether_all_cores_are_free(scheduler: Scheduler) -> None:
    """Alone is what has no other work beside or behind it."""
    lane, recorder = _recording(scheduler, batch=1)
    await lane.submit(1, deadline_s=FAR_S)
    first, first_task = await start_blocking(lane)  # type: ignore[arg-type]  # a lane of functions and numbers
    tasks = [asyncio.create_task(lane.submit(number, deadline_s=FAR_S)) for number in (2, 3)]
    await asyncio.sleep(0)
    first.gate.set()
    await soon(asyncio.gather(first_task, *tasks))
    assert recorder.runs == [([1], True), ([2], False), ([3], True)]


async def test_several_threads_share_what_waits(clock: Clock) -> None:
    """A thread leaves as much to each of the others as it takes: 7 pieces on 3 threads are runs of at most 3."""
    scheduler = Scheduler(threads=3, clock=clock)
    lane, recorder = _recording(scheduler, batch=8)
    tasks = [asyncio.create_task(lane.submit(number, deadline_s=FAR_S)) for number in range(7)]
    await asyncio.sleep(0)
    scheduler.start()
    await soon(asyncio.gather(*tasks))
    await asyncio.to_thread(scheduler.stop)
    assert max(len(items) for items, _ in recorder.runs) <= 3
    assert sorted(item for items, _ in recorder.runs for item in items) == list(range(7))
