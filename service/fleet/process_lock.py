"""A lock between the threads of a process and the processes that were forked with it.

The system lets go of it when a process ends, however it ends, so that nobody waits for a worker that was killed.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import threading
from types import TracebackType


class ProcessLock:
    """Held by one thread of one process at a time; made before the processes are forked."""

    def __init__(self) -> None:
        self._file = _nameless_file()
        self._within = threading.Lock()  # the system's lock belongs to a process as a whole

    def __enter__(self) -> None:
        """Wait for it and take it."""
        self._within.acquire()
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
        except BaseException:
            self._within.release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of it."""
        fcntl.lockf(self._file, fcntl.LOCK_UN)
        self._within.release()


def _nameless_file() -> int:
    """Open a file in memory where the system has such, because a container may have no folder to write into."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("convserve-lock")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
