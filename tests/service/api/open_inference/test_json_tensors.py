"""Tensors as they stand in JSON."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

from service.api.open_inference.json_tensors import numbers_from_json, pictures_from_json
from service.errors import MalformedBodyError

FP32, UINT8, FP16 = (np.dtype(name).newbyteorder("<") for name in ("float32", "uint8", "float16"))


def numbers(data: list[Any], *, shape: tuple[int, ...] = (2, 2), dtype: np.dtype[Any] = FP32) -> Any:
    """Make a tensor and show it as lists."""
    return numbers_from_json(data, shape=shape, dtype=dtype, what="input 'x'").tolist()


@pytest.mark.parametrize("data", [[1, 2.5, -3, 0], [[1, 2.5], [-3, 0]]])
def test_elements_may_be_flat_or_nested_as_the_shape_says(data: list[Any]) -> None:
    """Row by row in either form; whole numbers are numbers too."""
    assert numbers(data) == [[1.0, 2.5], [-3.0, 0.0]]


def test_deeper_nesting_is_followed_axis_by_axis() -> None:
    """The way clients write an array of an array library."""
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    assert numbers(values.tolist(), shape=(2, 3, 4)) == values.tolist()


def test_bytes_are_whole_numbers_up_to_255() -> None:
    """Both ends are taken."""
    assert numbers([0, 255, 7, 8], dtype=UINT8) == [[0, 255], [7, 8]]


def test_number_too_large_for_the_datatype_comes_out_infinite() -> None:
    """So that whoever checks for numbers that are none finds it."""
    assert numbers([1e39, -1e39, 0, 0]) == [[np.inf, -np.inf], [0, 0]]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], "has 0 elements, and its shape \\[2, 2\\] has room for 4"),
        ([1, 2, 3], "has 3 elements"),
        ([1, 2, 3, 4, 5], "has 5 elements"),
        ([1, 2, "3", 4], "Element 2 of input 'x' must be a number, not '3'"),
        ([1, None, 3, 4], "Element 1 of input 'x' must be a number, not None"),
        ([True, 2, 3, 4], "Element 0 of input 'x' must be a number, not True"),
        ([1, [2], 3, 4], r"Element 1 of input 'x' must be a number, not \[2\]"),
        ([[1, 2], [3]], "axis 1 .* asks for an array of 2 there is an array of 1"),
        ([[1, 2], 3], "axis 1 .* asks for an array of 2 there is 3"),
        ([[1, 2, 3, 4]], "axis 0 .* asks for an array of 2 there is an array of 1"),
        ([[[1], [2]], [[3], [4]]], r"Element 0 of input 'x' must be a number, not \[1\]"),
    ],
)
def test_elements_that_are_no_numbers_or_too_many_or_few_are_refused(data: list[Any], words: str) -> None:
    """The message says which element, or which axis."""
    with pytest.raises(MalformedBodyError, match=words):
        numbers(data)


@pytest.mark.parametrize("value", [-1, 256, 2**64, 1.0, "1"])
def test_element_that_is_no_byte_is_refused(value: object) -> None:
    """1.0 is no whole number in JSON's own writing."""
    with pytest.raises(MalformedBodyError, match="Element 3 of input 'x' must be a whole number"):
        numbers([1, 2, 3, value], dtype=UINT8)


def test_shape_beyond_any_memory_is_only_compared() -> None:
    """Its product is a number among others."""
    with pytest.raises(MalformedBodyError, match="has room for 85070591730234615847396907784232501249"):
        numbers([1], shape=(2**63 - 1, 2**63 - 1))


def test_half_precision_has_no_form_in_json() -> None:
    """The protocol says so, and the message says what to do."""
    with pytest.raises(MalformedBodyError, match="send it as binary data"):
        numbers([1, 2, 3, 4], dtype=FP16)


def test_pictures_are_texts_in_base64() -> None:
    """With or without the head of a data URL."""
    texts = [base64.b64encode(b"one").decode(), "data:image/png;base64," + base64.b64encode(b"two").decode()]
    assert pictures_from_json(texts, count=2, what="input 'x'") == [b"one", b"two"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (["b25l"], "has 1 elements"),
        (["b25l", 7], "Element 1 of input 'x' must hold base64 text, not int"),
        (["b25l", "?"], "Element 1 of input 'x' is no base64"),
        (["b25l", ["b25l"]], "Element 1 of input 'x' must hold base64 text, not list"),
        ([["b25l", "b25l"]], "has 1 elements"),
    ],
)
def test_pictures_that_are_none_are_refused(data: list[Any], words: str) -> None:
    """The message says which."""
    with pytest.raises(MalformedBodyError, match=words):
        pictures_from_json(data, count=2, what="input 'x'")
