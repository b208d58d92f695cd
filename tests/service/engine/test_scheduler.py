"""Work runs on a few threads, oldest first, and every caller gets exactly one outcome.

Nothing here waits for time to pass: work stands behind gates that the test opens, and the clock is the test's own.
"""

from __future__ import annotations

import asyncio
import gc
import math
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from service.engine.cost import Cost
from service.engine.lane import Finished, Lane
from service.engine.scheduler import Scheduler
from service.errors import DeadlineExceededError
from tests.service.engine.gates import (
    FAR_S,
    WATCHDOG_S,
    Clock,
    GatedWork,
    WorkLane,
    outcomes,
    queue,
    soon,
    start_blocking,
    submit,
    work_lane,
)


async def test_work_returns_its_value_and_how_long_it_waited(lane: WorkLane, clock: Clock) -> None:
    """The time between submission and start is the waiting time; running does not count."""
    first, first_task = await start_blocking(lane)
    second = GatedWork("second")
    second_task = await queue(lane, second)
    clock.now_s += 2.5
    first.gate.set()
    await soon(second.started.wait())
    clock.now_s += 40
    second.gate.set()
    assert await soon(first_task) == Finished("first", waited_s=0.0)
    assert await soon(second_task) == Finished("second", waited_s=2.5)


async def test_work_runs_on_a_thread_of_the_scheduler(lane: WorkLane) -> None:
    """The event loop's thread is free while work runs."""
    finished = await lane.submit(lambda: threading.current_thread().name, deadline_s=FAR_S)
    assert finished.value == "inference-0"


async def test_work_runs_oldest_first(lane: WorkLane) -> None:
    """One thread takes what waits in the order of arrival."""
    order: list[int] = []
    first, first_task = await start_blocking(lane)
    tasks = [await queue(lane, lambda number=number: order.append(number)) for number in (1, 2)]  # type: ignore[misc]  # a default argument binds the loop's value
    first.gate.set()
    await soon(asyncio.gather(first_task, *tasks))
    assert order == [1, 2]


async def test_an_error_of_the_work_is_its_callers_own(lane: WorkLane) -> None:
    """The very exception arrives, and the next work runs."""
    error = ValueError("mine")
    work = GatedWork(error)
    work.gate.set()
    with pytest.raises(ValueError, match="mine") as caught:
        await soon(submit(lane, work))
    assert caught.value is error
    assert (await lane.submit(lambda: 7, deadline_s=FAR_S)).value == 7


@pytest.mark.parametrize(
    "kind", [StopIteration, GeneratorExit, MemoryError, asyncio.CancelledError, SystemExit, BaseException]
)
async def test_a_thread_survives_whatever_work_raises(lane: WorkLane, kind: type[BaseException]) -> None:
    """What a future cannot carry, or would end the loop, reaches the caller as an error and leaves the lane empty."""
    work = GatedWork(kind())
    work.gate.set()
    (outcome,) = await outcomes(submit(lane, work))
    assert type(outcome) is (MemoryError if kind is MemoryError else RuntimeError)
    assert kind.__name__ in repr(outcome)
    assert lane.depth == 0
    assert (await lane.submit(lambda: 7, deadline_s=FAR_S)).value == 7


async def test_work_whose_deadline_passed_while_it_waited_never_runs(lane: WorkLane, clock: Clock) -> None:
    """The thread looks at the clock before it starts, and the caller hears how long it was ready to wait."""
    first, first_task = await start_blocking(lane)
    late = GatedWork("late")
    late_task = await queue(lane, late, deadline_s=clock.now_s + 700)
    clock.now_s += 700
    first.gate.set()
    with pytest.raises(DeadlineExceededError) as caught:
        await soon(late_task)
    assert caught.value.deadline_s == 700
    assert late.runs == 0
    assert (await soon(first_task), lane.depth) == (Finished("first", waited_s=0.0), 0)


async def test_a_caller_whose_deadline_passes_does_not_wait_for_a_thread(lane: WorkLane, clock: Clock) -> None:
    """The answer comes at the deadline although every thread is busy; the place is free and the work never runs."""
    first, first_task = await start_blocking(lane)
    late = GatedWork("late")
    with pytest.raises(DeadlineExceededError):
        await soon(submit(lane, late, deadline_s=clock.now_s))
    assert lane.depth == 1
    first.gate.set()
    await soon(first_task)
    await lane.submit(int, deadline_s=FAR_S)  # whatever stood in the queue before has been looked at
    assert late.runs == 0


async def test_work_that_has_started_runs_to_its_end_and_keeps_its_place_until_then(lane: WorkLane) -> None:
    """A thread cannot be stopped: a caller that leaves does not make room that is not there."""
    first, first_task = await start_blocking(lane)
    first_task.cancel()
    await outcomes(first_task)
    assert lane.depth == 1
    first.gate.set()
    await lane.submit(int, deadline_s=FAR_S)
    assert (first.runs, lane.depth) == (1, 0)


async def test_a_caller_that_leaves_frees_its_place_at_once_and_its_work_never_runs(lane: WorkLane) -> None:
    """Others are let in before the thread is free again."""
    first, first_task = await start_blocking(lane)
    gone = [GatedWork(), GatedWork()]
    tasks = [await queue(lane, work) for work in gone]
    assert lane.depth == lane.capacity
    for task in tasks:
        task.cancel()
    await outcomes(*tasks)
    assert lane.depth == 1
    after = await queue(lane, lambda: "after")
    first.gate.set()
    assert await soon(after) == Finished("after", waited_s=0.0)
    assert [work.runs for work in gone] == [0, 0]
    await soon(first_task)


class Picture:
    """Something large that work holds on to."""


async def test_what_abandoned_work_held_is_let_go_before_a_thread_comes_by(lane: WorkLane) -> None:
    """Callers that come and go while every thread is busy do not fill the memory with their pictures."""
    first, first_task = await start_blocking(lane)
    picture = Picture()
    held = weakref.ref(picture)
    task = await queue(lane, lambda picture=picture: picture)  # type: ignore[misc]  # a default argument holds it
    del picture
    task.cancel()
    await outcomes(task)
    del task
    gc.collect()
    assert held() is None
    first.gate.set()
    await soon(first_task)


async def test_what_a_caller_held_whose_deadline_passed_is_let_go_before_a_thread_comes_by(
    lane: WorkLane, clock: Clock
) -> None:
    """The work that nobody wants any more keeps no error in the queue, in whose traceback the caller's pictures are."""
    first, first_task = await start_blocking(lane)
    picture = Picture()
    held = weakref.ref(picture)

    async def ask(picture: Picture) -> None:
        with pytest.raises(DeadlineExceededError):
            await lane.submit(int, deadline_s=clock.now_s)
        assert picture

    gc.disable()
    try:
        task = asyncio.create_task(ask(picture))
        del picture
        await soon(task)
        del task
        assert held() is None
    finally:
        gc.enable()
    first.gate.set()
    await soon(first_task)


async def test_what_finished_work_held_is_let_go_while_the_thread_is_idle(lane: WorkLane) -> None:
    """A service without requests does not keep its last picture."""
    released = asyncio.Event()
    picture = Picture()
    weakref.finalize(picture, asyncio.get_running_loop().call_soon_threadsafe, released.set)
    work: list[Callable[[], object]] = [lambda picture=picture: repr(picture)]  # type: ignore[misc]  # a default holds it
    del picture
    await lane.submit(work.pop(), deadline_s=FAR_S)
    await soon(released.wait())


async def test_what_failed_work_held_is_let_go_with_its_error(lane: WorkLane) -> None:
    """Callers who send nothing but broken pictures fill no memory: their errors do not keep themselves alive."""
    released = asyncio.Event()
    picture = Picture()
    weakref.finalize(picture, asyncio.get_running_loop().call_soon_threadsafe, released.set)

    def fail(picture: Picture = picture) -> None:
        raise ValueError(repr(picture))

    work: list[Callable[[], object]] = [fail]
    del picture, fail
    gc.disable()
    try:
        with pytest.raises(ValueError, match="Picture"):
            await lane.submit(work.pop(), deadline_s=FAR_S)
        await soon(released.wait())
    finally:
        gc.enable()


async def test_work_whose_caller_leaves_while_the_loop_is_busy_never_runs(lane: WorkLane) -> None:
    """A thread sees for itself that nobody waits, although the loop has not had the time to take the work back."""
    third_runs = threading.Event()
    first, first_task = await start_blocking(lane)
    second = GatedWork("second")
    second.gate.set()
    second_task, third_task = await queue(lane, second), await queue(lane, third_runs.set)
    second_task.cancel()
    first.gate.set()
    assert third_runs.wait(WATCHDOG_S)  # the loop stands still until the thread has come by both
    assert second.runs == 0
    await outcomes(first_task, second_task, third_task)
    assert lane.depth == 0


async def test_a_run_with_another_number_of_outcomes_fails_all_its_callers(scheduler: Scheduler) -> None:
    """Nobody gets another's answer, nobody waits for ever, and no place is lost."""
    lane = Lane(scheduler, run=_one_too_few, capacity=9, cost=Cost(0.1), target_s=math.inf, batch=3)
    blocked = work_lane(scheduler, capacity=1)
    first, first_task = await start_blocking(blocked)
    tasks = [asyncio.create_task(lane.submit(number, deadline_s=FAR_S)) for number in range(3)]
    await asyncio.sleep(0)
    first.gate.set()
    found = await soon(asyncio.gather(*tasks, return_exceptions=True))
    assert [str(one) for one in found] == ["3 pieces of work came to 2 outcomes"] * 3  # type: ignore[attr-defined]  # a list
    assert lane.depth == 0
    await soon(first_task)


def _one_too_few(items: Sequence[int], *, alone: bool) -> Sequence[int]:  # noqa: ARG001  a lane tells it
    return items[1:]


async def test_a_lane_that_breaks_its_promise_costs_no_thread(
    scheduler: Scheduler, lane: WorkLane, caplog: pytest.LogCaptureFixture
) -> None:
    """The log tells of it, the thread takes the next work, and the scheduler knows that it is idle again."""
    scheduler.put(BrokenJob(), urgent=True)
    assert (await lane.submit(lambda: 7, deadline_s=FAR_S)).value == 7
    await asyncio.to_thread(scheduler.stop)
    assert scheduler.idle
    assert "work without outcome" in caplog.text


class BrokenLane:
    """Raises, which no lane may."""

    batch = 1

    def execute(self, jobs: list[Any], *, alone: bool) -> None:
        """Break the promise."""
        raise ZeroDivisionError(len(jobs), alone)


class BrokenJob:
    """Work of such a lane."""

    lane = BrokenLane()
    abandoned = False
    started = False


async def test_a_result_that_comes_with_the_deadline_is_a_result(lane: WorkLane, clock: Clock) -> None:
    """Where the loop sees both at once, the caller gets what was ready and hears of no deadline."""
    second_runs = threading.Event()

    async def hold_the_loop() -> None:
        assert second_runs.wait(WATCHDOG_S)  # by then the first result and the first deadline both wait for the loop

    first = submit(lane, lambda: "just in time", deadline_s=clock.now_s + 1e-9)
    second = submit(lane, second_runs.set)
    await asyncio.create_task(hold_the_loop())
    assert await soon(first) == Finished("just in time", waited_s=0.0)
    await soon(second)
