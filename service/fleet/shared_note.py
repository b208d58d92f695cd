"""A text in memory that forked processes share: who reads it gets a whole one, the old or the new.

    generation | length, text | length, text

The two places take turns. A writer fills the one that is not read, and only then counts the generation up, so one that
is killed half-way leaves the old text. Who may write, and when, is the business of others.
"""

from __future__ import annotations

import mmap
from typing import Final

MOST_BYTES: Final = 2**20  # some thousand models; memory is taken as it is used
_NUMBER_BYTES: Final = 8


class SharedNote:
    """One text, empty at first.

    Args:
        most_bytes: Longest text.

    """

    def __init__(self, *, most_bytes: int = MOST_BYTES) -> None:
        place_bytes = _NUMBER_BYTES + most_bytes
        view = memoryview(mmap.mmap(-1, _NUMBER_BYTES + 2 * place_bytes))
        self._generation = view[:_NUMBER_BYTES].cast("q")
        self._places = [view[start : start + place_bytes] for start in (_NUMBER_BYTES, _NUMBER_BYTES + place_bytes)]
        self._most_bytes = most_bytes

    @property
    def generation(self) -> int:
        """How often it was written."""
        return self._generation[0]

    def read(self) -> tuple[int, bytes]:
        """Read it.

        Returns:
            Its generation and its text.

        """
        while True:
            generation = self.generation
            place = self._places[generation % 2]
            length = int.from_bytes(place[:_NUMBER_BYTES], "little")
            text = bytes(place[_NUMBER_BYTES : _NUMBER_BYTES + min(length, self._most_bytes)])
            if self.generation == generation:  # else a writer may have come round to this place meanwhile
                return generation, text

    def write(self, text: bytes) -> int:
        """Replace it; one writer at a time.

        Returns:
            Its new generation.

        Raises:
            ValueError: The text is too long; the old one stays.

        """
        if len(text) > self._most_bytes:
            raise ValueError(f"{len(text)} bytes do not fit into a note of {self._most_bytes}")
        generation = self.generation + 1
        place = self._places[generation % 2]
        place[_NUMBER_BYTES : _NUMBER_BYTES + len(text)] = text
        place[:_NUMBER_BYTES] = len(text).to_bytes(_NUMBER_BYTES, "little")
        self._generation[0] = generation
        return generation
