"""Callers come, leave, fail and run out of time in any order: each gets exactly one outcome, and no place is lost."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from service.engine.cost import Cost
from service.engine.lane import Finished, Lane
from service.engine.scheduler import Scheduler
from service.errors import DeadlineExceededError, DrainingError, QueueFullError
from tests.service.engine.gates import work_lane

WATCHDOG_S: Final = 60.0  # ends a test that hangs; nothing is measured by it
PATIENCE_S: Final = 5_000.0  # seconds of the test's own clock


@dataclass
class World:
    """What a scenario does and what it saw."""

    threads: int
    capacity: int
    batch: int = 1
    now_s: float = 0.0
    running: int = 0
    most_running: int = 0
    guard: threading.Lock = field(default_factory=threading.Lock)
    callers: list[Caller] = field(default_factory=list)
    told: Any = field(default_factory=threading.local)

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(threads=self.threads, clock=self.clock)
        self.lane: Lane[Callable[[], object], Any] = Lane(
            self.scheduler, run=each, capacity=self.capacity, cost=Cost(1.0), target_s=math.inf, batch=self.batch
        )

    def clock(self) -> float:
        """Tell the time, and remember for each thread what it was told last."""
        self.told.now_s = now_s = self.now_s
        return now_s


def each(items: Sequence[Callable[[], object]], *, alone: bool) -> list[object]:  # noqa: ARG001  a lane tells it
    """Call one after the other; each has its own value or error."""
    return [value_or_error(item) for item in items]


def value_or_error(work: Callable[[], object]) -> object:
    """Call, and give what is raised instead of raising it."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001  whatever the work of a test raises
        return error


@dataclass
class Caller:
    """One caller: its work behind a gate, and what became of it."""

    world: World
    error: Exception | None
    patience_s: float
    urgent: bool
    gate: threading.Event = field(default_factory=threading.Event)
    runs: int = 0
    full_on_arrival: bool = False
    draining_on_arrival: bool = False
    deadline_s: float = 0.0
    started_s: float | None = None
    task: asyncio.Task[Finished[Any]] = field(init=False)
    cancelled: bool = False

    def work(self) -> Caller:
        """Run on a thread: count, wait at the gate, fail or answer."""
        world = self.world
        with world.guard:
            self.runs += 1
            self.started_s = world.told.now_s
            world.running += 1
            world.most_running = max(world.most_running, world.running)
        assert self.gate.wait(WATCHDOG_S)
        with world.guard:
            world.running -= 1
        if self.error is not None:
            raise self.error
        return self

    async def call(self) -> Finished[Any]:
        """Arrive; nothing happens between looking at the lane and submitting."""
        lane = self.world.lane
        self.full_on_arrival = lane.depth >= lane.capacity
        self.draining_on_arrival = self.world.scheduler.draining
        self.deadline_s = self.world.now_s + self.patience_s
        return await lane.submit(self.work, deadline_s=self.deadline_s, urgent=self.urgent)


Step = Callable[[World], None]


def arrive(error: Exception | None, patience_s: float, *, urgent: bool) -> Step:
    """Let a caller come whose work will fail with `error`, or answer."""

    def step(world: World) -> None:
        caller = Caller(world, error, patience_s, urgent)
        caller.task = asyncio.create_task(caller.call())
        world.callers.append(caller)

    return step


def leave(number: int) -> Step:
    """Let one of the callers go away."""

    def step(world: World) -> None:
        if world.callers:
            caller = world.callers[number % len(world.callers)]
            caller.cancelled = caller.task.cancel() or caller.cancelled

    return step


def open_gate(number: int) -> Step:
    """Let the work of one of the callers end as soon as it has started."""

    def step(world: World) -> None:
        if world.callers:
            world.callers[number % len(world.callers)].gate.set()

    return step


def wait(seconds: float) -> Step:
    """Let time pass."""

    def step(world: World) -> None:
        world.now_s += seconds

    return step


def drain(world: World) -> None:
    """Tell the scheduler that the process is about to end."""
    world.scheduler.drain()


ERRORS: Final = st.sampled_from([None, None, ValueError, RuntimeError, MemoryError, StopIteration])
STEPS: Final = st.one_of(
    st.builds(
        lambda error, patience_s, urgent: arrive(error and error(), patience_s, urgent=urgent),
        ERRORS,
        st.sampled_from([PATIENCE_S, PATIENCE_S, 2 * PATIENCE_S, 0.0]),
        st.booleans(),
    ),
    st.builds(leave, st.integers(0, 20)),
    st.builds(open_gate, st.integers(0, 20)),
    st.builds(wait, st.sampled_from([1.0, PATIENCE_S])),
)
SCENARIOS: Final = st.lists(STEPS, max_size=25)


async def play(world: World, steps: list[Step]) -> list[object]:
    """Take every step with a turn of the loop between them, then open all gates and collect the outcomes."""
    unawaited: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unawaited.append(context))
    world.scheduler.start()
    for step in steps:
        step(world)
        await asyncio.sleep(0)
        assert 0 <= world.lane.depth <= world.lane.capacity
    for caller in world.callers:
        caller.gate.set()
    outcomes = asyncio.gather(*(caller.task for caller in world.callers), return_exceptions=True)
    found = await asyncio.wait_for(outcomes, WATCHDOG_S)
    await require_all_threads_alive(world)
    await asyncio.to_thread(world.scheduler.stop)
    await asyncio.sleep(0)  # what the last job of a thread left for the loop
    assert not unawaited
    return list(found)


async def require_all_threads_alive(world: World) -> None:
    """Meet every thread at a barrier: one that had died would be missed."""
    world.scheduler.draining = False
    barrier = threading.Barrier(world.threads)
    lane = work_lane(world.scheduler, capacity=world.threads, run_s=1.0)
    meetings = [
        lane.submit(lambda: barrier.wait(WATCHDOG_S), deadline_s=world.now_s + PATIENCE_S) for _ in range(world.threads)
    ]
    await asyncio.wait_for(asyncio.gather(*meetings), WATCHDOG_S)


def require_right_outcome(caller: Caller, outcome: object) -> None:
    """Work out what may have become of a caller from what happened to it."""
    assert caller.runs <= 1
    if caller.draining_on_arrival and not isinstance(outcome, asyncio.CancelledError):
        assert isinstance(outcome, DrainingError)
    elif caller.full_on_arrival and not isinstance(outcome, asyncio.CancelledError):
        assert isinstance(outcome, QueueFullError)
        assert outcome.retry_after_s > 0
    elif isinstance(outcome, asyncio.CancelledError):
        assert caller.cancelled
    elif isinstance(outcome, DeadlineExceededError):
        assert caller.world.now_s >= caller.deadline_s
        assert outcome.deadline_s == caller.patience_s
    elif isinstance(outcome, Finished):
        assert outcome.value is caller
        assert caller.runs == 1
    elif isinstance(caller.error, StopIteration):
        assert isinstance(outcome, RuntimeError)  # the one exception that no future can carry
        assert caller.runs == 1
    else:
        assert outcome is caller.error
        assert caller.runs == 1
    if isinstance(outcome, (DrainingError, QueueFullError)):
        assert caller.runs == 0
    if caller.started_s is not None:
        assert caller.started_s < caller.deadline_s


@settings(max_examples=150, deadline=None)
@given(
    before=SCENARIOS,
    after=st.none() | SCENARIOS,
    threads=st.integers(1, 3),
    capacity=st.integers(1, 5),
    batch=st.integers(1, 3),
)
def test_any_order_of_events_gives_each_caller_one_outcome_and_loses_no_place(
    before: list[Step], after: list[Step] | None, threads: int, capacity: int, batch: int
) -> None:
    """Arrivals, departures, failures, deadlines and a drain in any order: bounds hold, and nothing is left."""
    world = World(threads=threads, capacity=capacity, batch=batch)
    steps = before if after is None else [*before, drain, *after]
    outcomes = asyncio.run(play(world, steps))
    for caller, outcome in zip(world.callers, outcomes, strict=True):
        require_right_outcome(caller, outcome)
    assert world.lane.depth == 0
    assert abs(world.scheduler.pending_s) < 1e-9
    assert world.scheduler.idle
    assert world.running == 0
    assert world.most_running <= threads
