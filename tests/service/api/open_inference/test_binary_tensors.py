"""Tensors as bytes, there and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.open_inference.binary_tensors import elements_as_binary, elements_from_binary, numbers_from_binary
from service.errors import MalformedBodyError

FP32 = np.dtype("<f4")


def test_numbers_are_little_endian_and_row_major() -> None:
    """Written out by hand: 1.0 is 00 00 80 3f."""
    data = bytes.fromhex("0000803f 00000040 00004040 00008040")
    values = numbers_from_binary(memoryview(data), shape=(2, 2), dtype=FP32, what="input 'x'")
    assert values.tolist() == [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize("offset", range(5))
def test_numbers_at_any_place_of_a_body_are_laid_out_for_the_processor(offset: int) -> None:
    """The JSON in front has any length, and the runtime reads whole words."""
    body = b"x" * offset + np.array([1, 2], dtype=FP32).tobytes()
    values = numbers_from_binary(memoryview(body)[offset:], shape=(1, 2), dtype=FP32, what="input 'x'")
    assert values.tolist() == [[1.0, 2.0]]
    assert values.flags.aligned
    assert values.flags.c_contiguous


@pytest.mark.parametrize(
    ("shape", "expected"), [((2, 2), 16), ((0,), 0), ((2**63, 2**63), 4 * 2**126)], ids=["short", "empty", "huge"]
)
def test_byte_count_that_is_not_that_of_the_shape_is_refused_with_both(shape: tuple[int, ...], expected: int) -> None:
    """Also where the product of the shape is beyond any word."""
    with pytest.raises(MalformedBodyError, match=f"has 12 bytes, and its shape .* has {expected}"):
        numbers_from_binary(memoryview(bytes(12)), shape=shape, dtype=FP32, what="input 'x'")


def test_elements_have_their_length_in_front() -> None:
    """Written out by hand."""
    assert elements_as_binary([b"ab", b"", b"c"]) == b"\x02\0\0\0ab\0\0\0\0\x01\0\0\0c"


@given(st.lists(st.binary(max_size=20), max_size=5))
def test_elements_come_back_as_they_were_written(elements: list[bytes]) -> None:
    """Empty ones, and bytes that look like lengths, included."""
    data = memoryview(elements_as_binary(elements))
    assert elements_from_binary(data, count=len(elements), what="input 'x'") == elements


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "has 0 elements, and its shape says 2"),
        (b"\x01\0\0\0a", "has 1 elements, and its shape says 2"),
        (b"\x01\0\0\0a\x02\0\0\0b", "Element 1 of input 'x' says that it has 2 bytes, and 1 follow"),
        (b"\x01\0\0\0a\xff\xff\xff\xffb", "Element 1 of input 'x' says that it has 4294967295 bytes, and 1 follow"),
        (b"\x01\0\0\0a\x01\0", "goes on 2 bytes behind its 1 elements"),
        (b"\x01\0\0\0a\x01\0\0\0bc", "goes on 1 bytes behind its 2 elements"),
        (b"\0\0\0\0" * 3, "goes on 4 bytes behind its 2 elements"),
    ],
)
def test_lengths_that_lie_are_refused(data: bytes, words: str) -> None:
    """Too long, cut off, too few elements or too many."""
    with pytest.raises(MalformedBodyError, match=words):
        elements_from_binary(memoryview(data), count=2, what="input 'x'")


@given(st.binary(max_size=40), st.integers(0, 4))
def test_any_bytes_are_elements_or_refused(data: bytes, count: int) -> None:
    """Those that are taken are exactly what was sent."""
    try:
        elements = elements_from_binary(memoryview(data), count=count, what="input 'x'")
    except MalformedBodyError:
        return
    assert len(elements) == count
    assert elements_as_binary(elements) == data
