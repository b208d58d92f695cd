"""Where the numbers behind rate limits are kept: in this process alone, or shared by all worker processes.

A limit is that of the service, whichever workers its requests reach. The shared cells are anonymous memory that exists
before the workers are forked, one 64-bit number per key; names find their cell by a hash that stands beside it, in the
order in which they came, and stay there until the service ends.

A worker changes a cell under a lock on that cell alone. It is a lock of the kernel (POSIX record lock), which it takes
back from a process that dies. One that is held for a second, to add two numbers, belongs to a process that hangs; the
others go on without it, at the price that a request may not be counted.
"""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import logging
import mmap
import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from service.security.rate_limit import Rate, Spending, spend
from service.telemetry.logs import log

MOST_CELLS: Final = 16_384  # names over the life of the service; 256 KiB
_PATIENCE_S: Final = 1.0
_YIELDS: Final = 20  # tries before it is worth to sleep; the lock is held for some microseconds
_SLEEP_S: Final = 0.0005
_USED: Final = 0  # index of the number of cells in use
_NAMES_LOCK: Final = MOST_CELLS  # a byte behind those of the cells


class RateCells(Protocol):
    """Remembers what each key has spent."""

    def spend(self, name: str, *, rate: Rate) -> Spending:
        """Spend one use of a key's rate, if there is one."""


class OwnCells:
    """Cells of one process.

    Args:
        clock_ns: Monotonic.

    """

    def __init__(self, *, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock_ns = clock_ns
        self._restored_ns: dict[str, int] = {}

    def spend(self, name: str, *, rate: Rate) -> Spending:
        """See `RateCells`."""
        restored_ns, spending = spend(self._restored_ns.get(name, 0), rate=rate, now_ns=self._clock_ns())
        self._restored_ns[name] = restored_ns
        return spending


class SharedCells:
    """Cells of all processes that are forked after it was made; one thread of each may use it.

    Args:
        most: Names there may be.
        clock_ns: Monotonic and the same in all processes.
        patience_s: Longest wait for a lock.

    """

    def __init__(
        self,
        *,
        most: int = MOST_CELLS,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self._most = most
        self._clock_ns = clock_ns
        self._patience_s = patience_s
        memory = memoryview(mmap.mmap(-1, 8 * (1 + 2 * most))).cast("q")
        self._head = memory[:1]
        self._hashes = memory[1 : 1 + most]
        self._restored_ns = memory[1 + most :]
        self._locks = os.memfd_create("convserve-rate-limits")
        self._places: dict[str, int] = {}
        self._own: OwnCells | None = None

    def spend(self, name: str, *, rate: Rate) -> Spending:
        """See `RateCells`."""
        place = self._places.get(name)
        if place is None:
            place = self._find(name)
        if place is None:
            return self._own_cells().spend(name, rate=rate)
        is_locked = self._lock(place)
        try:
            restored_ns, spending = spend(self._restored_ns[place], rate=rate, now_ns=self._clock_ns())
            self._restored_ns[place] = restored_ns
        finally:
            if is_locked:
                self._unlock(place)
        return spending

    def _find(self, name: str) -> int | None:
        """Find the cell of a name that this process has not met, or make one; None where all are taken."""
        wanted = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little", signed=True)
        is_locked = self._lock(_NAMES_LOCK)
        try:
            used = self._head[_USED]
            place = next((index for index in range(used) if self._hashes[index] == wanted), used)
            if place == self._most:
                return None
            if place == used:
                self._hashes[place] = wanted
                self._head[_USED] = used + 1
        finally:
            if is_locked:
                self._unlock(_NAMES_LOCK)
        self._places[name] = place
        return place

    def _own_cells(self) -> OwnCells:
        if self._own is None:
            log(logging.ERROR, "more keys than workers can count together", most=self._most)
            self._own = OwnCells(clock_ns=self._clock_ns)
        return self._own

    def _lock(self, byte: int) -> bool:
        """Take the lock on one byte; False where its holder does not move, and one must go on without."""
        try:
            fcntl.lockf(self._locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except BlockingIOError:
            return self._wait_for(byte)
        return True

    def _wait_for(self, byte: int) -> bool:
        until_s = time.monotonic() + self._patience_s
        for turn in itertools.count():
            if turn < _YIELDS:
                os.sched_yield()
            else:
                time.sleep(_SLEEP_S)
            with suppress(BlockingIOError):
                fcntl.lockf(self._locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
                return True
            if time.monotonic() > until_s:
                break
        return False

    def _unlock(self, byte: int) -> None:
        fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, byte)
