"""Tensors as bytes: numbers in little-endian order, row-major, without gaps; texts with their length in front of each.

Source: the binary tensor data extension; a length is an unsigned 32-bit number.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.errors import MalformedBodyError

_LENGTH: Final = struct.Struct("<I")


def numbers_from_binary(data: memoryview, *, shape: Sequence[int], dtype: np.dtype[Any], what: str) -> NDArray[Any]:
    """Make a tensor of numbers.

    Args:
        data: Its bytes.
        shape: Of the tensor; its product may be any number.
        dtype: Of its elements.
        what: How to call it in a message.

    Returns:
        A view of the bytes where these lie in memory as a processor wants them, else a copy.

    Raises:
        MalformedBodyError: There are more or fewer bytes than the shape has room for.

    """
    expected = math.prod(shape) * dtype.itemsize
    if len(data) != expected:
        raise MalformedBodyError(
            f"The binary data of {what} has {len(data)} bytes, and its shape {list(shape)} of {dtype.itemsize}-byte "
            f"elements has {expected}."
        )
    return np.require(np.frombuffer(data, dtype=dtype).reshape(shape), requirements="A")


def elements_from_binary(data: memoryview, *, count: int, what: str) -> list[bytes]:
    """Take a tensor of texts, or of pictures, apart.

    Args:
        data: Its bytes.
        count: Elements by its shape.
        what: How to call it in a message.

    Raises:
        MalformedBodyError: A length does not fit, or there are more or fewer elements.

    """
    elements: list[bytes] = []
    place = 0
    while place < len(data):
        start = place + _LENGTH.size
        if len(elements) == count or start > len(data):
            raise MalformedBodyError(
                f"The binary data of {what} goes on {len(data) - place} bytes behind its {len(elements)} elements; the "
                f"shape says {count}, and each starts with its length in 4 bytes."
            )
        (length,) = _LENGTH.unpack_from(data, place)
        place = start + length
        if place > len(data):
            raise MalformedBodyError(
                f"Element {len(elements)} of {what} says that it has {length} bytes, and {len(data) - start} follow."
            )
        elements.append(bytes(data[start:place]))
    if len(elements) != count:
        raise MalformedBodyError(f"The binary data of {what} has {len(elements)} elements, and its shape says {count}.")
    return elements


def elements_as_binary(elements: Iterable[bytes]) -> bytes:
    """Write a tensor of texts."""
    return b"".join(piece for element in elements for piece in (_LENGTH.pack(len(element)), element))
