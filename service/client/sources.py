"""Where pictures come from: files, folders in natural order, addresses, standard input; and their bytes, under a limit.

A folder gives the files whose names say that they are pictures; what it passes over is counted. A file that is named
itself is tried whatever its name, because its bytes decide.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO, Final, Literal

from service.errors import PictureError

SUFFIXES: Final = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif", ".bmp", ".dib", ".avif", ".mpo"}
)
STDIN: Final = "-"
_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_LEAST_STEP_BYTES: Final = 65536
_DIGITS: Final = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Source:
    """A picture that has not been read yet.

    Args:
        name: As results show it: a path, an address, or `-`.
        kind: How it is read.

    """

    name: str
    kind: Literal["file", "address", "stdin"]


class Walk:
    """The pictures that arguments of the command line name, in the order in which they are answered.

    Args:
        names: Files, folders, addresses, or `-`.

    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self.passed_over = 0

    def __iter__(self) -> Iterator[Source]:
        """Walk anew; `passed_over` then counts what this walk has passed over so far."""
        self.passed_over = 0
        for name in self._names:
            if name == STDIN:
                yield Source(name, "stdin")
            elif is_address(name):
                yield Source(name, "address")
            elif os.path.isdir(name):  # noqa: PTH112  a Path would drop the "./" that the caller typed
                yield from self._folder(name)
            else:
                yield Source(name, "file")

    def count(self) -> int:
        """Count the pictures without holding their names: there may be millions."""
        return sum(1 for _ in self)

    def _folder(self, top: str) -> Iterator[Source]:
        """Walk with a stack of its own, because folders may lie deeper than Python calls itself."""
        open_folders: list[Iterator[os.DirEntry[str] | str]] = [iter([top])]
        while open_folders:
            entry = next(open_folders[-1], None)
            if entry is None:
                open_folders.pop()
            elif isinstance(entry, str) or (_is_shown(entry) and entry.is_dir(follow_symlinks=False)):
                try:
                    open_folders.append(iter(_entries(os.fspath(entry))))
                except OSError:
                    yield Source(os.fspath(entry), "file")  # reading it will say what is wrong
            elif _is_shown(entry) and entry.is_file() and PurePath(entry.name).suffix.lower() in SUFFIXES:
                yield Source(entry.path, "file")
            else:
                self.passed_over += 1


def is_address(name: str) -> bool:
    """Tell whether an argument is an address, of whatever scheme."""
    return _ADDRESS.match(name) is not None


def _entries(folder: str) -> list[os.DirEntry[str] | str]:
    with os.scandir(folder) as entries:
        return [*sorted(entries, key=lambda entry: natural(entry.name))]


def _is_shown(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".")


def natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """Make a key under which `img2` comes before `img10`, and names that differ only in case stay together."""
    parts = _DIGITS.split(name.casefold())
    numbered = [(int(part), "") if place % 2 else (-1, part) for place, part in enumerate(parts)]
    return numbered, name


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads sources.

    Args:
        limit_bytes: Most bytes of a picture.
        download: Fetches an address.
        stdin: Where `-` is read from.

    """

    limit_bytes: int
    download: Callable[[str], bytes]
    stdin: BinaryIO

    def read(self, source: Source) -> bytes:
        """Read a picture's bytes.

        Raises:
            PictureError: It cannot be read, is empty, or has more bytes than the limit.

        """
        if source.kind == "address":
            data = self.download(source.name)
        elif source.kind == "stdin":
            data = self.stdin.read(self.limit_bytes + 1)
        else:
            data = self._file(source.name)
        if not data:
            raise PictureError("It is empty.")
        if len(data) > self.limit_bytes:
            raise PictureError(
                f"It has more than {self.limit_bytes} bytes; scale it down, or raise CONVSERVE_MAX_BODY_BYTES."
            )
        return data

    def _file(self, name: str) -> bytes:
        try:
            with open(name, "rb", buffering=0) as stream:  # noqa: PTH123  what was typed, not what a Path makes of it
                size_bytes = os.fstat(stream.fileno()).st_size
                return _all(stream.read, self.limit_bytes + 1, step_bytes=max(size_bytes + 1, _LEAST_STEP_BYTES))
        except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
            reason = getattr(error, "strerror", None) or str(error)
            raise PictureError(f"It cannot be read: {reason}.") from error


def _all(read: Callable[[int], bytes | None], most_bytes: int, *, step_bytes: int) -> bytes:
    """Read to the end or to a bound, in steps for which memory is made: a pipe gives its bytes in pieces."""
    pieces: list[bytes] = []
    left = most_bytes
    while left and (piece := read(min(left, step_bytes))):
        pieces.append(piece)
        left -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
