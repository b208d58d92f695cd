"""Work runs on a few threads, oldest first, within bounds, and every caller gets exactly one outcome.

Nothing here waits for time to pass: work stands behind gates that the test opens, and the clock is the test's own.
"""

from __future__ import annotations

import asyncio
import gc
import math
import threading
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from service.engine.scheduler import Finished, Lane, Scheduler
from service.errors import DeadlineExceededError, DrainingError, QueueFullError

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
def lane(scheduler: Scheduler) -> Lane:
    """Make a lane with room for three."""
    return Lane(scheduler, capacity=3, run_s=0.5)


def submit(lane: Lane, work: Callable[[], object], *, deadline_s: float = FAR_S) -> asyncio.Task[Finished[object]]:
    """Submit work as a caller of its own."""
    return asyncio.create_task(_submit(lane, work, deadline_s))


async def _submit(lane: Lane, work: Callable[[], object], deadline_s: float) -> Finished[object]:
    return await lane.submit(work, deadline_s=deadline_s)


async def soon(awaitable: Awaitable[object]) -> object:
    """Wait, but not for ever."""
    return await asyncio.wait_for(awaitable, WATCHDOG_S)


async def outcomes(*tasks: asyncio.Task[Finished[object]]) -> list[object]:
    """Wait until each task has ended, in whatever way."""
    return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), WATCHDOG_S)


async def start_blocking(lane: Lane, *, deadline_s: float = FAR_S) -> tuple[GatedWork, asyncio.Task[Finished[object]]]:
    """Occupy the thread until the gate is opened."""
    work = GatedWork("first")
    task = submit(lane, work, deadline_s=deadline_s)
    await soon(work.started.wait())
    return work, task


async def queue(lane: Lane, work: Callable[[], object], *, deadline_s: float = FAR_S) -> asyncio.Task[Finished[object]]:
    """Submit work, and return when it waits in the lane."""
    task = submit(lane, work, deadline_s=deadline_s)
    await asyncio.sleep(0)  # one turn of the loop: the task runs up to where it waits for its outcome
    return task


async def test_work_returns_its_value_and_how_long_it_waited(lane: Lane, clock: Clock) -> None:
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


async def test_work_runs_on_a_thread_of_the_scheduler(lane: Lane) -> None:
    """The event loop's thread is free while work runs."""
    finished = await lane.submit(lambda: threading.current_thread().name, deadline_s=FAR_S)
    assert finished.value == "inference-0"


async def test_work_runs_oldest_first(lane: Lane) -> None:
    """One thread takes what waits in the order of arrival."""
    order: list[int] = []
    first, first_task = await start_blocking(lane)
    tasks = [await queue(lane, lambda number=number: order.append(number)) for number in (1, 2)]  # type: ignore[misc]  # a default argument binds the loop's value
    first.gate.set()
    await soon(asyncio.gather(first_task, *tasks))
    assert order == [1, 2]


async def test_an_error_of_the_work_is_its_callers_own(lane: Lane) -> None:
    """The very exception arrives, and the next work runs."""
    error = ValueError("mine")
    work = GatedWork(error)
    work.gate.set()
    with pytest.raises(ValueError, match="mine") as caught:
        await soon(submit(lane, work))
    assert caught.value is error
    assert (await lane.submit(lambda: 7, deadline_s=FAR_S)).value == 7


@pytest.mark.parametrize("kind", [StopIteration, GeneratorExit, MemoryError, asyncio.CancelledError, BaseException])
async def test_a_thread_survives_whatever_work_raises(lane: Lane, kind: type[BaseException]) -> None:
    """Even what a future cannot carry, or what ends other threads, reaches the caller and leaves the lane empty."""
    work = GatedWork(kind())
    work.gate.set()
    (outcome,) = await outcomes(submit(lane, work))
    assert isinstance(outcome, RuntimeError if kind is StopIteration else kind)
    assert lane.depth == 0
    assert (await lane.submit(lambda: 7, deadline_s=FAR_S)).value == 7


async def test_a_full_lane_refuses_at_once_and_says_when_to_come_back(lane: Lane) -> None:
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
        lane = Lane(scheduler, capacity=9, run_s=0.5)
        waits_s, tasks = [lane.expected_wait_s()], []
        for _ in range(3):
            tasks.append(await queue(lane, int))
            waits_s.append(lane.expected_wait_s())
        assert waits_s == expected_s
        for task in tasks:
            task.cancel()
        await outcomes(*tasks)


async def test_the_run_time_follows_what_work_really_takes(lane: Lane, clock: Clock) -> None:
    """A run of 10.5 s moves an average of 0.5 s by a tenth of the way; waiting and failing runs do not count."""
    first, first_task = await start_blocking(lane)
    failing = GatedWork(ValueError())
    failing_task = await queue(lane, failing)
    clock.now_s += 10.5
    first.gate.set()
    await soon(first_task)
    assert lane.run_s == pytest.approx(0.5 + 0.1 * 10)
    await soon(failing.started.wait())
    clock.now_s += 99
    failing.gate.set()
    await outcomes(failing_task)
    assert lane.run_s == pytest.approx(1.5)


async def test_a_lane_has_room_again_when_work_ends(lane: Lane) -> None:
    """A refusal is for now, not for ever."""
    first, first_task = await start_blocking(lane)
    tasks = [await queue(lane, int) for _ in range(2)]
    first.gate.set()
    await soon(asyncio.gather(first_task, *tasks))
    assert lane.depth == 0
    assert (await lane.submit(lambda: 7, deadline_s=FAR_S)).value == 7


async def test_lanes_share_threads_but_not_room(lane: Lane, scheduler: Scheduler) -> None:
    """A full lane does not take another model's places."""
    other = Lane(scheduler, capacity=1, run_s=0.5)
    first, first_task = await start_blocking(lane)
    tasks = [await queue(lane, int) for _ in range(2)]
    other_task = await queue(other, int)
    assert (lane.depth, other.depth) == (3, 1)
    first.gate.set()
    await soon(asyncio.gather(first_task, *tasks, other_task))
    assert (lane.depth, other.depth) == (0, 0)


async def test_work_whose_deadline_passed_while_it_waited_never_runs(lane: Lane, clock: Clock) -> None:
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


async def test_a_caller_whose_deadline_passes_does_not_wait_for_a_thread(lane: Lane, clock: Clock) -> None:
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


async def test_work_that_has_started_runs_to_its_end_and_keeps_its_place_until_then(lane: Lane) -> None:
    """A thread cannot be stopped: a caller that leaves does not make room that is not there."""
    first, first_task = await start_blocking(lane)
    first_task.cancel()
    await outcomes(first_task)
    assert lane.depth == 1
    first.gate.set()
    await lane.submit(int, deadline_s=FAR_S)
    assert (first.runs, lane.depth) == (1, 0)


async def test_a_caller_that_leaves_frees_its_place_at_once_and_its_work_never_runs(lane: Lane) -> None:
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


async def test_what_abandoned_work_held_is_let_go_before_a_thread_comes_by(lane: Lane) -> None:
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


async def test_what_finished_work_held_is_let_go_while_the_thread_is_idle(lane: Lane) -> None:
    """A service without requests does not keep its last picture."""
    released = asyncio.Event()
    picture = Picture()
    weakref.finalize(picture, asyncio.get_running_loop().call_soon_threadsafe, released.set)
    work: list[Callable[[], object]] = [lambda picture=picture: repr(picture)]  # type: ignore[misc]  # a default holds it
    del picture
    await lane.submit(work.pop(), deadline_s=FAR_S)
    await soon(released.wait())


async def test_a_result_that_comes_with_the_deadline_is_a_result(lane: Lane, clock: Clock) -> None:
    """Where the loop sees both at once, the caller gets what was ready and hears of no deadline."""
    second_runs = threading.Event()

    async def hold_the_loop() -> None:
        assert second_runs.wait(WATCHDOG_S)  # by then the first result and the first deadline both wait for the loop

    first = submit(lane, lambda: "just in time", deadline_s=clock.now_s + 1e-9)
    second = submit(lane, second_runs.set)
    await asyncio.create_task(hold_the_loop())
    assert await soon(first) == Finished("just in time", waited_s=0.0)
    await soon(second)


async def test_draining_refuses_what_is_new_and_finishes_what_was_accepted(lane: Lane, scheduler: Scheduler) -> None:
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


async def test_stopping_ends_the_threads_after_the_work_that_waits(clock: Clock) -> None:
    """Nothing accepted is lost, and no thread is left."""
    before = threading.active_count()
    scheduler = Scheduler(threads=3, clock=clock)
    scheduler.start()
    lane = Lane(scheduler, capacity=50, run_s=0.1)
    tasks = [await queue(lane, lambda: 7) for _ in range(5)]
    stopping = asyncio.create_task(asyncio.to_thread(scheduler.stop))
    assert [finished.value for finished in await asyncio.gather(*tasks)] == [7] * 5
    await soon(stopping)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("inference-")]
    assert threading.active_count() <= before + 1  # the pool of to_thread


async def test_stopping_with_patience_gives_up_on_a_thread_that_does_not_end(lane: Lane, scheduler: Scheduler) -> None:
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


@pytest.mark.parametrize(
    ("run_s", "target_s", "threads", "capacity", "bound"),
    [
        (0.1, 1.0, 1, 100, 10),
        (0.1, 1.0, 3, 100, 30),
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
    """Target over run time, for each thread; one in work and one waiting at least, and never above the capacity."""
    lane = Lane(Scheduler(threads=threads), capacity=capacity, run_s=run_s, target_s=target_s)
    assert lane.bound == bound


async def test_a_lane_that_becomes_slower_takes_less(scheduler: Scheduler, clock: Clock) -> None:
    """The bound follows the real run time: what was room for ten is room for two after runs of a hundred seconds."""
    lane = Lane(scheduler, capacity=100, run_s=0.1, target_s=1.0)
    first, first_task = await start_blocking(lane)
    clock.now_s += 100
    first.gate.set()
    await soon(first_task)
    second, second_task = await start_blocking(lane)
    third_task = await queue(lane, int)
    with pytest.raises(QueueFullError) as caught:
        await lane.submit(int, deadline_s=FAR_S)
    assert caught.value.capacity == 2
    second.gate.set()
    await soon(asyncio.gather(second_task, third_task))


def test_a_loop_that_is_closed_while_work_runs_leaves_the_thread_alive() -> None:
    """A process that ends its loop first still stops cleanly: the thread takes the next job."""
    scheduler = Scheduler(threads=1)
    scheduler.start()
    deadline_s = scheduler.clock() + FAR_S

    async def submit_and_leave() -> threading.Event:
        first, task = await start_blocking(Lane(scheduler, capacity=1, run_s=0.1), deadline_s=deadline_s)
        task.cancel()
        return first.gate

    async def submit_again() -> Finished[int]:
        return await Lane(scheduler, capacity=1, run_s=0.1).submit(lambda: 7, deadline_s=deadline_s)

    asyncio.run(submit_and_leave()).set()
    assert asyncio.run(submit_again()).value == 7
    scheduler.stop()
