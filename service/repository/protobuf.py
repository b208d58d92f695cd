"""Walks the fields of a protocol-buffer message in place, without a schema and without copies.

Enough to look into a file that nobody trusts yet: every length is checked against the bytes that are there, so that any
input gives fields or `WireError`, in time linear in the bytes looked at.

Source: protobuf.dev, "Encoding".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

_VARINT: Final = 0
_FIXED_64: Final = 1
_BYTES: Final = 2
_FIXED_32: Final = 5
_FIXED_SIZES: Final = {_FIXED_64: 8, _FIXED_32: 4}
_LONGEST_VARINT: Final = 10
_LARGEST_TAG: Final = 2**32 - 1
_LARGEST_VALUE: Final = 2**64 - 1

Field: TypeAlias = "tuple[int, int | memoryview]"


class WireError(Exception):
    """The bytes are no protocol-buffer message."""


def fields(message: memoryview) -> Iterator[Field]:
    """Yield (field number, value) in file order: an int for a varint, the raw bytes for every other type.

    Raises:
        WireError: A length points beyond the message, or a type does not exist.

    """
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, kind = key >> 3, key & 7
        if number == 0 or key > _LARGEST_TAG:
            raise WireError(f"field number {number}")  # readers disagree on these: some drop the high bits
        if kind == _VARINT:
            value, position = _varint(message, position)
            yield number, value
            continue
        if kind == _BYTES:
            length, position = _varint(message, position)
        elif kind in _FIXED_SIZES:
            length = _FIXED_SIZES[kind]
        else:
            raise WireError(f"wire type {kind}")
        if length > len(message) - position:
            raise WireError("a field is longer than its message")
        yield number, message[position : position + length]
        position += length


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = 0
    for shift in range(_LONGEST_VARINT):
        if position >= len(message):
            raise WireError("the message ends inside a number")
        byte = message[position]
        position += 1
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value & _LARGEST_VALUE, position
    raise WireError("a number is too long")
