"""Memory in which one worker process writes its numbers and every other one reads them.

    pid | bytes of names in use | 64-bit numbers ... | names, one line each: the n-th line names the n-th number

A page is anonymous shared memory that exists before the workers are forked, so it needs no folder and ends with the
last process. Only its own worker writes to it, so there is no lock between processes that a killed one could leave
behind. Its successor goes on where it stopped: a counter never goes backwards.

Knows neither metrics nor how numbers of several pages are put together.
"""

from __future__ import annotations

import mmap
import threading
from typing import Final

MOST_NUMBERS: Final = 65_536  # about 250 models of 50 classes; memory is taken as it is used
_NAME_BYTES: Final = 256 * MOST_NUMBERS
_HEADER_BYTES: Final = 16
_PID: Final = 0
_USED: Final = 1


class Page:
    """One worker's numbers.

    Args:
        numbers: Most numbers that fit.
        name_bytes: Most bytes of their names together, with a line break for each.

    """

    def __init__(self, *, numbers: int = MOST_NUMBERS, name_bytes: int = _NAME_BYTES) -> None:
        names_at = _HEADER_BYTES + 8 * numbers
        view = memoryview(mmap.mmap(-1, names_at + name_bytes))
        self._header = view[:_HEADER_BYTES].cast("q")
        self.numbers = view[_HEADER_BYTES:names_at].cast("d")
        self._names = view[names_at:]
        self._read_bytes = 0
        self._guard = threading.Lock()  # between the threads of this process
        self.places: dict[bytes, int] = {}

    @property
    def pid(self) -> int:
        """Process that writes here now, 0 where none does."""
        return self._header[_PID]

    def begin(self, pid: int) -> None:
        """Take the page over, with the numbers that are in it."""
        self.refresh()
        self._header[_PID] = pid

    def end(self) -> None:
        """Say that nobody writes here any more; the numbers stay."""
        self._header[_PID] = 0

    def place(self, name: bytes, *, initial: float) -> int | None:
        """Find the place of a number, or make one; for the page's own worker only.

        Args:
            name: Without a line break or a zero.
            initial: Value of a number that is new.

        Returns:
            Its index in `numbers`, or None where the page is full.

        """
        with self._guard:
            place = self.places.get(name)
            return self._append(name, initial) if place is None else place

    def refresh(self) -> None:
        """Learn the names that were added since the last call."""
        with self._guard:
            used_bytes = self._header[_USED]
            added = bytes(self._names[self._read_bytes : used_bytes])
            if b"\0" in added:
                return  # a processor that reorders writes shows the new length first: the names come at the next call
            self._read_bytes = used_bytes
            for name in added.splitlines():
                self.places[name] = len(self.places)

    def _append(self, name: bytes, initial: float) -> int | None:
        place, line = len(self.places), name + b"\n"
        end = self._read_bytes + len(line)
        if place == len(self.numbers) or end > len(self._names):
            return None
        self.numbers[place] = initial
        self._names[self._read_bytes : end] = line
        self._header[_USED] = self._read_bytes = end  # last: a reader sees a name only when it is whole
        self.places[name] = place
        return place
