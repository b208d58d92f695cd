"""What was sent becomes rows that the model takes, or a message that names both sides of the contradiction."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from service.api.open_inference.binary_tensors import elements_as_binary
from service.api.open_inference.inputs import MOST_ROWS, read_raw_row, read_rows
from service.api.open_inference.request import RequestedInput
from service.api.open_inference.tensors import ModelTensors
from service.errors import MalformedBodyError

MODEL = ModelTensors("x", "FP32", np.dtype("<f4"), (2, 3), "y", 4)
BYTE_MODEL = replace(MODEL, datatype="UINT8", dtype=np.dtype("uint8"))
VALUES = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
NOTHING = memoryview(b"")


def sent(**changes: Any) -> RequestedInput:
    """Describe two rows as JSON, but for these fields."""
    return replace(RequestedInput("x", "FP32", (2, 2, 3), list(range(12)), None), **changes)


def in_binary(data: bytes, **changes: Any) -> tuple[RequestedInput, memoryview]:
    """Describe two rows as binary data, but for these fields."""
    return sent(**{"data": None, "binary_bytes": len(data), **changes}), memoryview(data)


def rows_of(one: RequestedInput, binary: memoryview = NOTHING, tensors: ModelTensors = MODEL) -> list[Any]:
    """Read rows and show them as lists."""
    return [row if isinstance(row, bytes) else row.tolist() for row in read_rows([one], binary, tensors=tensors)]


def test_tensor_is_cut_into_its_rows_in_either_form() -> None:
    """The batch axis is gone, the order is kept."""
    assert rows_of(sent()) == VALUES.tolist()
    assert rows_of(*in_binary(VALUES.tobytes())) == VALUES.tolist()


def test_bytes_are_taken_where_the_model_takes_bytes() -> None:
    """The datatype is the model's own."""
    data = VALUES.astype(np.uint8)
    assert rows_of(*in_binary(data.tobytes(), datatype="UINT8"), tensors=BYTE_MODEL) == data.tolist()


def test_pictures_come_as_elements_in_either_form() -> None:
    """Nothing is decoded here."""
    texts = [base64.b64encode(data).decode() for data in (b"one", b"two")]
    assert rows_of(sent(datatype="BYTES", shape=(2,), data=texts)) == [b"one", b"two"]
    assert rows_of(*in_binary(elements_as_binary([b"one", b"two"]), datatype="BYTES", shape=(2,))) == [b"one", b"two"]


@pytest.mark.parametrize(
    "shape", [(), (2,), (2, 6), (2, 3, 2), (2, 2, 3, 1), (0, 2, 3), (MOST_ROWS + 1, 2, 3), (2**63, 2, 3)]
)
def test_shape_of_another_form_or_number_is_refused_with_the_right_one(shape: tuple[int, ...]) -> None:
    """An empty batch is none, and one without end is not looked at."""
    with pytest.raises(MalformedBodyError, match=rf"must be \[n, 2, 3\], n from 1 to {MOST_ROWS}, not"):
        rows_of(sent(shape=shape))


@pytest.mark.parametrize("shape", [(), (0,), (65,), (1, 1), (2**63,)])
def test_number_of_pictures_is_bounded(shape: tuple[int, ...]) -> None:
    """As on the service's own routes."""
    with pytest.raises(MalformedBodyError, match=r"must be \[n\], n from 1 to 64"):
        rows_of(sent(datatype="BYTES", shape=shape, data=[]))


@pytest.mark.parametrize("datatype", ["FP64", "fp32", "UINT8", "INT64", "BOOL", "", "STRING"])
def test_other_datatype_is_refused_with_those_that_are_taken(datatype: str) -> None:
    """Nothing is converted in silence."""
    with pytest.raises(MalformedBodyError, match="must be FP32, or BYTES for encoded pictures"):
        rows_of(sent(datatype=datatype))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_number_that_is_none_is_refused_with_its_place(bad: float) -> None:
    """The network would answer it with numbers that are none either."""
    values = VALUES.copy()
    values[1, 0, 2] = bad
    with pytest.raises(MalformedBodyError, match=r"Element \[1, 0, 2\] of input 'x' is -?(nan|inf)"):
        rows_of(*in_binary(values.tobytes()))


def test_number_beyond_the_datatype_is_refused() -> None:
    """JSON can write it, the tensor cannot hold it."""
    with pytest.raises(MalformedBodyError, match=r"Element \[0, 0, 1\] of input 'x' is inf"):
        rows_of(sent(data=[0, 1e39, *range(10)]))


def test_input_of_another_name_is_refused_with_the_right_one() -> None:
    """Also where the right one is there too."""
    for inputs in ([sent(name="z")], [sent(), sent(name="z")]):
        with pytest.raises(MalformedBodyError, match="no input 'z'; it takes 'x'"):
            read_rows(inputs, NOTHING, tensors=MODEL)


@pytest.mark.parametrize("count", [0, 2, 3])
def test_input_is_taken_once(count: int) -> None:
    """Which of two would be meant nobody knows."""
    with pytest.raises(MalformedBodyError, match=f"'x' once, and it was sent {count} times"):
        read_rows([sent()] * count, NOTHING, tensors=MODEL)


@pytest.mark.parametrize(
    ("data", "announced", "words"),
    [
        (VALUES.tobytes() + b"\0", 48, "49 bytes stand behind .* must be 48"),
        (VALUES.tobytes()[:-1], 48, "47 bytes stand behind .* must be 48"),
        (VALUES.tobytes()[:-4], 44, "has 44 bytes, and its shape .* has 48"),
        (b"", 48, "0 bytes stand behind"),
    ],
)
def test_byte_counts_that_contradict_each_other_are_refused(data: bytes, announced: int, words: str) -> None:
    """What is announced, what is there and what the shape says must be one number."""
    with pytest.raises(MalformedBodyError, match=words):
        rows_of(*in_binary(data, binary_bytes=announced))


def test_bytes_behind_json_that_announces_none_are_refused() -> None:
    """They belong to nothing."""
    with pytest.raises(MalformedBodyError, match=r"4 bytes stand behind .* must be 0"):
        rows_of(sent(), memoryview(bytes(4)))


def test_raw_body_is_the_tensor_of_one_picture() -> None:
    """Its shape is the model's."""
    (row,) = read_raw_row(memoryview(VALUES[0].tobytes()), tensors=MODEL)
    assert not isinstance(row, bytes)
    assert row.tolist() == VALUES[0].tolist()


@pytest.mark.parametrize("data", [b"", VALUES.tobytes(), bytes(23), np.full(6, np.nan, np.float32).tobytes()])
def test_raw_body_of_another_size_or_of_no_numbers_is_refused(data: bytes) -> None:
    """Two pictures are too many as well: such a request is for one."""
    with pytest.raises(MalformedBodyError):
        read_raw_row(memoryview(data), tensors=MODEL)
