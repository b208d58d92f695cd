"""A list of labelled picture files of which none is read before it is asked for.

Labels are known from the listing; bytes come one picture at a time, in any order, also in another process. Knows
neither folders nor tables: whoever lists pictures gives a `Files`.

Axes: N pictures of the list.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, overload

import numpy as np
from numpy.typing import NDArray

from training.errors import DataError

MISSING_LABEL = -(2**63)  # stands in an array of labels where a table has none


@dataclass(frozen=True, slots=True)
class Example:
    """One picture as its file holds it.

    Args:
        encoded: The bytes of a PNG, JPEG or the like.
        label: Index of its class.
        origin: Where it stands, for messages.

    """

    encoded: bytes
    label: int
    origin: str


class Files(Protocol):
    """Where pictures lie; it travels to the processes that decode."""

    def read(self, number: int) -> bytes:
        """Give the bytes of a file.

        Raises:
            DataError: It cannot be read.

        """

    def origin(self, number: int) -> str:
        """Say where a file lies, in characters that can be printed."""


@dataclass(frozen=True, slots=True, eq=False)
class Examples(Sequence[Example]):
    """Pictures of one split, in order.

    Args:
        files: Where they lie.
        numbers_N: Which of these files, int64.
        labels_N: Class of each, int64; what is outside of the classes is an error once the picture is read.
        classes: Number of classes.

    """

    files: Files
    numbers_N: NDArray[np.int64]  # noqa: N815  # axes in the name
    labels_N: NDArray[np.int64]  # noqa: N815  # axes in the name
    classes: int

    @classmethod
    def all_of(cls, files: Files, *, labels_N: NDArray[np.int64], classes: int) -> Examples:
        """List every file, numbered from 0 in the order of the labels."""
        return cls(files, np.arange(len(labels_N)), labels_N, classes)

    def __len__(self) -> int:
        return len(self.numbers_N)

    def __iter__(self) -> Iterator[Example]:
        return (self[position] for position in range(len(self)))

    @overload
    def __getitem__(self, position: int) -> Example: ...
    @overload
    def __getitem__(self, position: slice) -> Examples: ...
    def __getitem__(self, position: int | slice) -> Example | Examples:
        """Read a picture, or give a part of the list unread.

        Raises:
            DataError: The file cannot be read, or its label is none of the classes; the text names the picture.

        """
        if isinstance(position, slice):
            return self.select(np.arange(len(self))[position])
        label, number = int(self.labels_N[position]), int(self.numbers_N[position])
        if not 0 <= label < self.classes:
            shown = None if label == MISSING_LABEL else label
            raise DataError(f"{self.files.origin(number)}: label {shown} is none of the {self.classes} classes.")
        return Example(self.files.read(number), label, self.files.origin(number))

    def origin(self, position: int) -> str:
        """Say where a picture lies without reading it."""
        return self.files.origin(int(self.numbers_N[position]))

    def select(self, positions_M: NDArray[np.int64]) -> Examples:
        """Take some pictures, in the order of the positions."""
        return replace(self, numbers_N=self.numbers_N[positions_M], labels_N=self.labels_N[positions_M])

    def where(self, wanted_N: Sequence[bool]) -> Examples:
        """Take the pictures for which something is true."""
        return self.select(np.flatnonzero(np.asarray(wanted_N, dtype=bool)))

    def counts(self) -> NDArray[np.int64]:
        """Count the pictures of each class; labels outside of the classes count for none."""
        valid = (self.labels_N >= 0) & (self.labels_N < self.classes)
        return np.bincount(self.labels_N[valid], minlength=self.classes)
