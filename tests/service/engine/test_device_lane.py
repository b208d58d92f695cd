"""Before a device, what waits runs together, padded to a warm size, and nobody waits for a batch to fill."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from service.engine.cost import Cost
from service.engine.device_lane import DeviceLane, _Ready
from service.engine.lane import Finished, Job
from service.engine.scheduler import Scheduler
from service.errors import DeadlineExceededError
from tests.service.engine.gates import FAR_S, WATCHDOG_S, Clock, soon

NumberLane = DeviceLane[int, int, int]


@dataclass
class Device:
    """A device that doubles numbers, waits at a gate before each run, and takes time of the test's own clock."""

    clock: Clock
    run_s: float = 0.0
    gate: threading.Event = field(default_factory=threading.Event)
    busy: threading.Event = field(default_factory=threading.Event)
    runs: list[tuple[list[int], int]] = field(default_factory=list)
    streams: set[int] = field(default_factory=set)

    def __call__(self, items: Sequence[int], /, *, size: int, stream: int) -> Sequence[int]:
        """Run a batch."""
        self.busy.set()
        assert self.gate.wait(WATCHDOG_S)
        self.clock.now_s += self.run_s
        self.runs.append((list(items), size))
        self.streams.add(stream)
        if 13 in items:
            raise ValueError("the device does not like 13")
        return [2 * item for item in items]


def _prepared(number: int) -> int:
    if number < 0:
        raise ValueError("no number to double")
    return number


@contextmanager
def _lane(
    scheduler: Scheduler,
    device: Device,
    *,
    streams: int = 1,
    sizes: tuple[int, ...] = (1, 2, 4),
    cost: Cost | None = None,
    prepare: Callable[[int], int] = _prepared,
) -> Iterator[NumberLane]:
    lane: NumberLane = DeviceLane(
        scheduler,
        prepare=prepare,
        run=device,
        streams=streams,
        capacity=99,
        cost=cost or Cost(0.01),
        target_s=1000.0,
        sizes=sizes,
    )
    lane.start()
    try:
        yield lane
    finally:
        device.gate.set()
        lane.stop()


async def _behind(
    lane: NumberLane, device: Device, numbers: Sequence[int]
) -> tuple[asyncio.Task[object], list[asyncio.Task[object]]]:
    """Occupy the stream with a first number, and let others get ready behind it."""
    first = asyncio.create_task(_double(lane, 0))
    await asyncio.to_thread(device.busy.wait, WATCHDOG_S)
    tasks = [asyncio.create_task(_double(lane, number)) for number in numbers]
    await asyncio.sleep(0)
    await _until(lambda: lane._ready.qsize() == len([number for number in numbers if number >= 0]))
    return first, tasks


async def _double(lane: NumberLane, number: int, *, deadline_s: float = FAR_S) -> object:
    return (await lane.submit(number, deadline_s=deadline_s)).value


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(WATCHDOG_S):
        while not true():  # noqa: ASYNC110  what is waited for happens on threads that know no event
            await asyncio.sleep(0)


async def test_what_is_ready_runs_together_padded_to_a_warm_size(scheduler: Scheduler, clock: Clock) -> None:
    """Three wait while one runs: they are the next batch, padded to four."""
    device = Device(clock)
    with _lane(scheduler, device) as lane:
        first, tasks = await _behind(lane, device, [1, 2, 3])
        device.gate.set()
        assert await soon(asyncio.gather(first, *tasks)) == [0, 2, 4, 6]
    assert device.runs == [([0], 1), ([1, 2, 3], 4)]


async def test_a_batch_is_never_larger_than_the_largest_warm_size(scheduler: Scheduler, clock: Clock) -> None:
    """What does not fit is the batch after it, in order."""
    device = Device(clock)
    with _lane(scheduler, device) as lane:
        first, tasks = await _behind(lane, device, [1, 2, 3, 4, 5, 6])
        device.gate.set()
        await soon(asyncio.gather(first, *tasks))
    assert device.runs == [([0], 1), ([1, 2, 3, 4], 4), ([5, 6], 2)]


async def test_a_lone_item_runs_at_once(scheduler: Scheduler, clock: Clock) -> None:
    """Nobody waits for company."""
    device = Device(clock)
    device.gate.set()
    with _lane(scheduler, device) as lane:
        assert await soon(_double(lane, 21)) == 42
        assert lane.depth == 0
    assert device.runs == [([21], 1)]


async def test_an_item_that_cannot_be_prepared_fails_alone(scheduler: Scheduler, clock: Clock) -> None:
    """It never reaches the device."""
    device = Device(clock)
    with _lane(scheduler, device) as lane:
        first, tasks = await _behind(lane, device, [1, -1, 2])
        device.gate.set()
        found = await asyncio.gather(first, *tasks, return_exceptions=True)
        assert [type(one) for one in found] == [int, int, ValueError, int]
        assert lane.depth == 0
    assert device.runs == [([0], 1), ([1, 2], 2)]


async def test_a_batch_that_fails_is_the_error_of_its_callers_and_of_no_others(
    scheduler: Scheduler, clock: Clock
) -> None:
    """The stream goes on with the next batch."""
    device = Device(clock)
    with _lane(scheduler, device, sizes=(1, 2)) as lane:
        first, tasks = await _behind(lane, device, [13, 1, 2])
        device.gate.set()
        found = await asyncio.gather(first, *tasks, return_exceptions=True)
        assert [type(one) for one in found] == [int, ValueError, ValueError, int]
        assert lane.depth == 0


async def test_items_of_callers_who_left_do_not_reach_the_device(scheduler: Scheduler, clock: Clock) -> None:
    """Neither do those whose deadline has passed while others ran."""
    device = Device(clock)
    with _lane(scheduler, device) as lane:
        first, tasks = await _behind(lane, device, [1, 2])
        late = asyncio.create_task(_double(lane, 3, deadline_s=clock.now_s))
        tasks[0].cancel()
        with pytest.raises(DeadlineExceededError):
            await late
        await asyncio.gather(tasks[0], return_exceptions=True)
        device.gate.set()
        assert await soon(asyncio.gather(first, tasks[1])) == [0, 4]
        await _until(lambda: lane.depth == 0)
    assert device.runs == [([0], 1), ([2], 1)]


async def test_several_streams_run_at_once(scheduler: Scheduler, clock: Clock) -> None:
    """A second batch starts while the first one runs."""
    device = Device(clock)
    with _lane(scheduler, device, streams=2, sizes=(1,)) as lane:
        tasks = [asyncio.create_task(_double(lane, number)) for number in (1, 2)]
        await _until(lambda: lane.depth == 2 and lane._ready.qsize() == 0 and device.busy.is_set())
        device.gate.set()
        assert await soon(asyncio.gather(*tasks)) == [2, 4]


async def test_the_cost_follows_the_slower_of_preparing_and_running(scheduler: Scheduler, clock: Clock) -> None:
    """One thread prepares, one stream runs: 60 ms for a batch of one move an expectation of 10 ms by 5."""
    device = Device(clock, run_s=0.06)
    device.gate.set()
    with _lane(scheduler, device) as lane:
        await soon(_double(lane, 1))
        assert lane.run_s == pytest.approx(0.01 + 0.1 * (0.06 - 0.01))


async def test_the_waiting_time_is_all_in_which_nobody_worked_on_an_item(scheduler: Scheduler, clock: Clock) -> None:
    """Prepared in 3 ms and then held up by a run of 20 ms, an item has waited for 20 ms when its own run begins."""
    device = Device(clock, run_s=0.02)
    with _lane(scheduler, device, prepare=lambda number: _slowly(number, clock)) as lane:
        first, _ = await _behind(lane, device, [])
        second = asyncio.create_task(lane.submit(3, deadline_s=FAR_S))
        await _until(lambda: lane._ready.qsize() == 1)
        device.gate.set()
        await soon(first)
        assert (await second).waited_s == pytest.approx(0.02)


async def test_an_item_that_takes_long_to_prepare_does_not_make_its_batch_expensive(
    scheduler: Scheduler, clock: Clock
) -> None:
    """Two share a run of 20 ms; preparing took 80 ms for one of them, and no time for the other."""
    device = Device(clock)
    cost = RecordingCost(0.01)
    with _lane(scheduler, device, cost=cost, prepare=lambda number: _slowly(number, clock)) as lane:
        first, tasks = await _behind(lane, device, [1, 80])
        device.run_s = 0.02
        device.gate.set()
        await soon(asyncio.gather(first, *tasks))
    assert cost.learned_s[1:] == [pytest.approx(0.01), pytest.approx(0.08)]


def _slowly(number: int, clock: Clock) -> int:
    clock.now_s += number / 1000 if number > 1 else 0.0
    return number


@dataclass
class RecordingCost(Cost):
    """Notes what it is to learn."""

    learned_s: list[float] = field(default_factory=list)

    def learn(self, *, size: float, run_s: float) -> None:  # noqa: ARG002  as in `Cost`
        """Note."""
        self.learned_s.append(run_s)


async def test_a_caller_who_leaves_while_a_batch_is_put_together_loses_no_place(
    scheduler: Scheduler, clock: Clock
) -> None:
    """Whether somebody still waits is asked once for each: who leaves a moment later is part of the run."""
    device = Device(clock)
    device.gate.set()
    with _lane(scheduler, device) as lane:
        job = Job(1, lane, LeavingFuture(), clock.now_s, FAR_S, size=0.0, expected_s=0.0)
        lane.depth = 1
        lane._ready.put(_Ready(job, 1, 0.0))
        await _until(lambda: lane.depth == 0)
    assert device.runs == [([1], 1)]


class LeavingFuture(asyncio.Future[Finished[int]]):
    """Of a caller who is there when first asked, and gone afterwards."""

    asked = 0

    def done(self) -> bool:
        """Say whether the caller is gone."""
        self.asked += 1
        return self.asked > 1


async def test_stopping_with_patience_gives_up_on_a_device_that_hangs(scheduler: Scheduler, clock: Clock) -> None:
    """A process that is to end does; asked again later, the streams are done."""
    device = Device(clock)
    with _lane(scheduler, device) as lane:
        first, _ = await _behind(lane, device, [])
        assert not await asyncio.to_thread(lane.stop, patience_s=0.0)
        device.gate.set()
        await soon(first)
        assert await asyncio.to_thread(lane.stop, patience_s=WATCHDOG_S)


async def test_stopping_runs_what_is_ready_first(scheduler: Scheduler, clock: Clock) -> None:
    """Nothing that was accepted is lost."""
    device = Device(clock)
    with _lane(scheduler, device) as lane:
        first, tasks = await _behind(lane, device, [1, 2, 3])
        stopping = asyncio.create_task(asyncio.to_thread(lane.stop))
        device.gate.set()
        assert await soon(asyncio.gather(first, *tasks)) == [0, 2, 4, 6]
        await soon(stopping)
