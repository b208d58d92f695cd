"""Tensors as they stand in JSON: an array of all elements in row-major order, flat, or nested as the shape says.

Shapes are known to fit the model before anything here looks at elements.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.api.base64_text import from_base64
from service.errors import MalformedBodyError, shortened

_KINDS: Final[dict[str, tuple[type, ...]]] = {"f": (int, float), "u": (int,)}
_WORDS: Final = {"f": "a number", "u": "a whole number"}


def numbers_from_json(data: list[Any], *, shape: Sequence[int], dtype: np.dtype[Any], what: str) -> NDArray[Any]:
    """Make a tensor of numbers.

    Args:
        data: The array, as parsed.
        shape: Of the tensor.
        dtype: `float32` or `uint8`.
        what: How to call it in a message.

    Returns:
        Of that shape; of floating-point numbers, some may be infinite for being too large.

    Raises:
        MalformedBodyError: There are more or fewer elements, they are nested in another way, or are no such numbers.

    """
    if dtype.itemsize < 4 and dtype.kind == "f":
        raise MalformedBodyError(f"The data of {what} is FP16, which has no form in JSON; send it as binary data.")
    flat = _flat(data, shape=shape, what=what)
    kinds = _KINDS[dtype.kind]
    if not set(map(type, flat)) <= set(kinds):
        place = next(place for place, value in enumerate(flat) if type(value) not in kinds)
        raise _bad_element(what, place, flat[place], _WORDS[dtype.kind])
    if dtype.kind == "u":
        return _bytes(flat, what=what).reshape(shape)
    with np.errstate(over="ignore"):
        return np.array(flat, dtype=dtype).reshape(shape)


def pictures_from_json(data: list[Any], *, count: int, what: str) -> list[bytes]:
    """Make encoded pictures of texts in base64.

    Args:
        data: The array, as parsed.
        count: How many there are by the shape.
        what: How to call it in a message.

    Raises:
        MalformedBodyError: There are more or fewer, or one is no base64.

    """
    texts = _flat(data, shape=(count,), what=what)
    return [from_base64(text, what=f"Element {place} of {what}") for place, text in enumerate(texts)]


def _flat(data: list[Any], *, shape: Sequence[int], what: str) -> list[Any]:
    if not data or not isinstance(data[0], list) or len(shape) == 1:
        if len(data) != math.prod(shape):
            raise MalformedBodyError(
                f"The data of {what} has {len(data)} elements, and its shape {list(shape)} has room for "
                f"{math.prod(shape)}."
            )
        return data
    lists: list[Any] = [data]
    for axis, size in enumerate(shape):
        for one in lists:
            if not isinstance(one, list) or len(one) != size:
                found = f"an array of {len(one)}" if isinstance(one, list) else shortened(one)
                raise MalformedBodyError(
                    f"The data of {what} is nested, and where axis {axis} of its shape {list(shape)} asks for an array "
                    f"of {size} there is {found}."
                )
        lists = list(chain.from_iterable(lists))
    return lists


def _bytes(flat: list[int], *, what: str) -> NDArray[np.uint8]:
    try:
        return np.frombuffer(bytes(flat), dtype=np.uint8)
    except (ValueError, OverflowError):
        place = next(place for place, value in enumerate(flat) if not 0 <= value <= 255)
        raise _bad_element(what, place, flat[place], "a whole number from 0 to 255") from None


def _bad_element(what: str, place: int, value: object, expected: str) -> MalformedBodyError:
    return MalformedBodyError(f"Element {place} of {what} must be {expected}, not {shortened(value)}.")
