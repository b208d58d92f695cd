"""Whole bodies: what comes out is an inference that fits the model, or a refusal, whatever goes in."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.api.open_inference.inference import read_inference
from service.api.open_inference.tensors import ModelTensors
from service.errors import MalformedBodyError

MODEL = ModelTensors("x", "UINT8", np.dtype("uint8"), (2, 2), "y", 3)
TENSOR = {"name": "x", "datatype": "UINT8", "shape": [1, 2, 2]}


def test_json_and_binary_say_the_same() -> None:
    """Rows, size and output wanted."""
    plain = read_inference(
        json.dumps({"inputs": [{**TENSOR, "data": [1, 2, 3, 4]}]}).encode(), json_length=None, tensors=MODEL
    )
    head = json.dumps({"inputs": [{**TENSOR, "parameters": {"binary_data_size": 4}}]}).encode()
    binary = read_inference(head + bytes([1, 2, 3, 4]), json_length=str(len(head)), tensors=MODEL)
    for found in (plain, binary):
        (row,) = found.rows
        assert not isinstance(row, bytes)
        assert row.tolist() == [[1, 2], [3, 4]]
        assert (found.row_bytes, found.wanted.binary) == (4, False)


def test_tensor_alone_wants_its_answer_in_binary() -> None:
    """As the extension says."""
    found = read_inference(bytes(4), json_length="0", tensors=MODEL)
    assert (found.wanted.binary, found.request.id, found.row_bytes) == (True, None, 4)


@given(
    head=st.dictionaries(
        st.sampled_from(["name", "datatype", "shape", "data", "parameters"]),
        st.sampled_from(
            ["x", "UINT8", "BYTES", [1, 2, 2], [2], [0], [4], [1, 2, 3, 4], {"binary_data_size": 4}, None, "?"]
        ),
    ),
    binary=st.binary(max_size=12),
    shift=st.integers(-2, 2),
)
def test_any_body_is_an_inference_or_refused(head: dict[str, object], binary: bytes, shift: int) -> None:
    """Nothing else comes out, and what comes out has rows of the model's form."""
    text = json.dumps({"inputs": [{**TENSOR, **head}]}).encode()
    try:
        found = read_inference(text + binary, json_length=str(len(text) + shift), tensors=MODEL)
    except MalformedBodyError:
        return
    assert found.rows
    assert all(isinstance(row, bytes) or row.shape == (2, 2) for row in found.rows)
