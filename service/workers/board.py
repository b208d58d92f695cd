"""What workers know of each other: who accepts connections, how many each holds, and when it was last seen to live.

A table in anonymous shared memory that exists before the workers are forked. Each worker writes its own line, the
supervisor clears that of a worker which has ended.
"""

from __future__ import annotations

import mmap
import time
from collections.abc import Callable
from typing import Final

# A worker that has not been seen for this long is not waited for; its event loop should turn ten times a second.
STALE_NS: Final = 2_000_000_000

_CONNECTIONS, _ACCEPTS, _SEEN_NS, _IS_UP, _FIELDS = range(5)


class Board:
    """One line per worker.

    Args:
        workers: How many there are.
        clock_ns: Monotonic and the same in all processes.

    """

    def __init__(self, workers: int, *, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self.workers = workers
        self.clock_ns = clock_ns
        self._cells = memoryview(mmap.mmap(-1, 8 * _FIELDS * workers)).cast("q")

    def clear(self, number: int) -> None:
        """Forget a worker that has ended."""
        for field in range(_FIELDS):
            self._cells[_FIELDS * number + field] = 0

    def expect(self, number: int) -> None:
        """Count a worker that is about to start as one that accepts, so that the others leave it its share."""
        self.clear(number)
        self.see(number)
        self._cells[_FIELDS * number + _ACCEPTS] = 1

    def see(self, number: int) -> None:
        """Note that a worker lives."""
        self._cells[_FIELDS * number + _SEEN_NS] = self.clock_ns()

    def unseen_s(self, number: int) -> float:
        """Tell for how long a worker that should be seen has not been; 0 for one that need not be."""
        seen_ns = self._cells[_FIELDS * number + _SEEN_NS]
        return (self.clock_ns() - seen_ns) / 1e9 if seen_ns else 0.0

    def set_accepts(self, number: int, *, accepts: bool) -> None:
        """Say whether a worker takes connections; one that has stopped to need no longer be seen."""
        self._cells[_FIELDS * number + _ACCEPTS] = accepts
        if not accepts:
            self._cells[_FIELDS * number + _SEEN_NS] = 0

    def set_up(self, number: int) -> None:
        """Say that a worker has loaded its models."""
        self._cells[_FIELDS * number + _IS_UP] = 1

    def is_up(self, number: int) -> bool:
        """Tell whether a worker has loaded its models."""
        return bool(self._cells[_FIELDS * number + _IS_UP])

    def any_up(self) -> bool:
        """Tell whether some worker has."""
        return any(self.is_up(number) for number in range(self.workers))

    def add_connections(self, number: int, change: int) -> None:
        """Count a worker's connections."""
        self._cells[_FIELDS * number + _CONNECTIONS] += change

    def connections(self, number: int) -> int:
        """Tell how many connections a worker holds."""
        return self._cells[_FIELDS * number + _CONNECTIONS]

    def others_serve(self, number: int) -> bool:
        """Tell whether some other worker accepts connections and has loaded its models."""
        now_ns = self.clock_ns()
        return any(self._takes(other, now_ns) and self.is_up(other) for other in range(self.workers) if other != number)

    def least_of_others(self, number: int) -> int | None:
        """Tell how many connections the least loaded other worker holds that accepts any.

        Returns:
            None where no other worker accepts, or none has been seen of late.

        """
        now_ns = self.clock_ns()
        held = [
            self.connections(other) for other in range(self.workers) if other != number and self._takes(other, now_ns)
        ]
        return min(held, default=None)

    def _takes(self, number: int, now_ns: int) -> bool:
        """Tell whether a worker accepts connections, and has been seen of late."""
        at = _FIELDS * number
        return bool(self._cells[at + _ACCEPTS]) and now_ns - self._cells[at + _SEEN_NS] < STALE_NS
