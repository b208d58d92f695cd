"""`service.fleet.process_lock`: one at a time among threads and forked processes, and a dead one holds nothing."""

from __future__ import annotations

import mmap
import os
import signal
import threading

from service.fleet.process_lock import ProcessLock

_ROUNDS = 300


def _count_up(cell: memoryview, lock: ProcessLock) -> None:
    for _ in range(_ROUNDS):
        with lock:
            seen = cell[0]
            os.sched_yield()  # an invitation to everybody who is not kept out
            cell[0] = seen + 1


def test_no_count_is_lost_between_threads_of_two_processes() -> None:
    """Reading and writing are one step for whoever holds the lock."""
    lock, cell = ProcessLock(), memoryview(mmap.mmap(-1, 8)).cast("q")
    child = os.fork()
    if child == 0:
        _count_up(cell, lock)
        os._exit(0)
    threads = [threading.Thread(target=_count_up, args=(cell, lock)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert cell[0] == 3 * _ROUNDS


def test_a_process_that_is_killed_while_it_holds_the_lock_holds_nobody_up() -> None:
    """The system lets go of it."""
    lock, cell = ProcessLock(), memoryview(mmap.mmap(-1, 8)).cast("q")
    child = os.fork()
    if child == 0:
        with lock:
            cell[0] = 1
            signal.pause()
    while cell[0] == 0:
        os.sched_yield()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with lock:
        assert cell[0] == 1
