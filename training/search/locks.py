"""Locks between processes of one machine that the system gives back when their holder ends, however it ends.

A `kill -9` leaves no lock behind that someone would have to wait for or to remove.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

from optuna.storages.journal import JournalFileOpenLock


class FileLock:
    """A lock held by at most one process; entering it waits.

    Args:
        path: A file that is made for it, and left.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        self._take(fcntl.LOCK_EX)
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def try_to_take(self) -> bool:
        """Take the lock if it is free."""
        try:
            self._take(fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Give the lock back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _take(self, operation: int) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, operation)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor


class JournalLock(JournalFileOpenLock):
    """A `FileLock` as Optuna's journal asks for one; its own kind outlives a killed process by half a minute.

    Args:
        path: A file beside the journal.

    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._flock = FileLock(path)

    def acquire(self) -> bool:
        """Wait for the lock; see Optuna."""
        self._flock.__enter__()
        return True

    def release(self) -> None:
        """Give the lock back; see Optuna."""
        self._flock.release()
