"""Processes that spend from the same cells spend one rate together, and none that dies or hangs stops another."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable
from typing import Final

import pytest

from service.security.rate_cells import OwnCells, RateCells, SharedCells
from service.security.rate_limit import Rate

TWENTY: Final = Rate(20, 86_400)


class Clock:
    """Stands still until it is moved."""

    now_ns = 10**15

    def __call__(self) -> int:
        """Tell the time."""
        return self.now_ns


def forked(work: Callable[[], int]) -> int:
    """Do something in a child process and hand out its small whole number."""
    (answer,) = forks(1, work)
    return answer


def forks(count: int, work: Callable[[], int]) -> list[int]:
    """Do something in several child processes at the same time; they run nothing else."""
    started = []
    for _ in range(count):
        reads, writes = os.pipe()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.write(writes, work().to_bytes(4, "little"))
                code = 0
            finally:
                os._exit(code)
        os.close(writes)
        started.append((pid, reads))
    answers = []
    for pid, reads in started:
        with os.fdopen(reads, "rb") as pipe:
            answers.append(int.from_bytes(pipe.read(), "little"))
        assert os.waitpid(pid, 0)[1] == 0
    return answers


def spent(cells: RateCells, name: str, *, tries: int, rate: Rate = TWENTY) -> int:
    """Count how many of some tries are let through."""
    return sum(cells.spend(name, rate=rate).allowed for _ in range(tries))


@pytest.mark.parametrize("make", [OwnCells, SharedCells])
def test_each_key_has_a_rate_of_its_own(make: Callable[..., RateCells]) -> None:
    """What one spends is not missing to another, and comes back with time."""
    clock = Clock()
    cells = make(clock_ns=clock)
    assert spent(cells, "a", tries=30) == 20
    assert spent(cells, "b", tries=5) == 5
    assert spent(cells, "a", tries=1) == 0
    clock.now_ns += TWENTY.interval_ns
    assert spent(cells, "a", tries=2) == 1


def test_processes_spend_one_rate_together_exactly() -> None:
    """Four at the same time, on a key that the parent has met and on one that it has not."""
    cells = SharedCells()
    assert spent(cells, "known", tries=5) == 5
    assert sum(forks(4, lambda: spent(cells, "known", tries=10))) == 15
    assert sum(forks(4, lambda: spent(cells, "new", tries=10))) == 20
    assert spent(cells, "new", tries=1) == 0


def test_under_contention_no_use_is_lost() -> None:
    """Four processes that do nothing but spend, thousands of times."""
    clock = Clock()  # a day would be long enough for 5000 uses to come back in part
    cells = SharedCells(clock_ns=clock, patience_s=60)
    rate = Rate(5000, 86_400)
    assert sum(forks(4, lambda: spent(cells, "busy", tries=2500, rate=rate))) == 5000


def test_names_keep_their_cells_whichever_process_meets_them_first() -> None:
    """Each process learns where the others have put a name."""
    cells = SharedCells()
    names = [f"key-{number}" for number in range(50)]
    assert forked(lambda: sum(spent(cells, name, tries=20) for name in names)) == 1000
    assert forked(lambda: sum(spent(cells, name, tries=1) for name in reversed(names))) == 0
    assert spent(cells, "another", tries=30) == 20


def test_a_process_that_dies_with_a_lock_leaves_it_to_the_others() -> None:
    """The kernel takes it back, so nobody waits and no use is lost."""
    cells = SharedCells()
    assert spent(cells, "key", tries=5) == 5
    pid = holding_a_lock(cells)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    fcntl.lockf(cells._locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 0)  # would raise where somebody held it
    assert spent(cells, "key", tries=30) == 15


def test_a_process_that_stands_still_with_a_lock_does_not_stop_the_others() -> None:
    """They go on without it after a moment."""
    cells = SharedCells(patience_s=0.05)
    assert spent(cells, "key", tries=5) == 5
    pid = holding_a_lock(cells)
    try:
        with pytest.raises(OSError, match="temporarily unavailable"):
            fcntl.lockf(cells._locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 0)
        assert spent(cells, "key", tries=2) == 2
        assert spent(cells, "other key", tries=2) == 2
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def holding_a_lock(cells: SharedCells) -> int:
    """Fork a process that takes the lock of the first cell and then does nothing."""
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            fcntl.lockf(cells._locks, fcntl.LOCK_EX, 1, 0)
            os.write(writes, b"held")
            signal.pause()
        finally:
            os._exit(1)
    os.close(writes)
    with os.fdopen(reads, "rb") as pipe:
        assert pipe.read(4) == b"held"
    return pid


def test_more_names_than_cells_are_counted_by_each_process_alone_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A key too many is limited all the same."""
    cells = SharedCells(most=2)
    assert [spent(cells, name, tries=30) for name in ("a", "b", "c", "d")] == [20, 20, 20, 20]
    assert [record.message for record in caplog.records] == ["more keys than workers can count together"]
    assert forked(lambda: spent(cells, "a", tries=1)) == 0
    assert forked(lambda: spent(cells, "e", tries=30)) == 20
