"""The JSON object of a request becomes typed values, or a message that says which member is wrong and how."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.open_inference.request import RequestedInput, RequestedOutput, read_request
from service.errors import MalformedBodyError

TENSOR: dict[str, Any] = {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}


def document(**changes: Any) -> dict[str, Any]:
    """Make a request that is right but for these members."""
    return {"inputs": [TENSOR], **changes}


def with_input(**changes: Any) -> dict[str, Any]:
    """Make a request whose input is right but for these members; None leaves one out."""
    return {"inputs": [{name: value for name, value in {**TENSOR, **changes}.items() if value is not None}]}


def test_least_request_has_the_defaults_of_the_protocol() -> None:
    """One input, no id; all outputs are wanted as JSON, urgently, without a time of their own."""
    request = read_request(document())
    assert request.inputs == (RequestedInput("x", "FP32", (1, 2), [1, 2], None),)
    assert request.outputs == (RequestedOutput(None, binary=False, classes=None),)
    assert (request.id, request.timeout_s, request.urgent) == (None, None, True)


def test_every_member_and_parameter_is_taken() -> None:
    """Those that KServe's client adds, which repeat the URL, are let pass."""
    request = read_request(
        {
            "id": "7",
            "model_name": "m",
            "model_version": "1",
            "parameters": {"binary_data_output": True, "timeout": 1_500_000, "priority": 2},
            "inputs": [{"name": "x", "datatype": "UINT8", "shape": [3], "parameters": {"binary_data_size": 3}}],
            "outputs": [
                {"name": "y"},
                {"name": "z", "parameters": {"binary_data": False, "classification": 5}},
            ],
        }
    )
    assert request.inputs == (RequestedInput("x", "UINT8", (3,), None, 3),)
    assert request.outputs == (RequestedOutput("y", binary=True), RequestedOutput("z", binary=False, classes=5))
    assert (request.id, request.timeout_s, request.urgent) == ("7", 1.5, False)


@pytest.mark.parametrize(("priority", "urgent"), [(0, True), (1, True), (2, False), (2**63, False)])
def test_priority_above_the_highest_waits_behind_others(priority: int, *, urgent: bool) -> None:
    """0 is the default, and the highest is 1."""
    assert read_request(document(parameters={"priority": priority})).urgent is urgent


def test_timeout_of_0_is_none() -> None:
    """As is one that is left out."""
    assert read_request(document(parameters={"timeout": 0})).timeout_s is None


def test_members_that_are_null_count_as_left_out() -> None:
    """Some programs write all they know."""
    request = read_request(document(id=None, parameters=None, outputs=None))
    assert (request.id, request.outputs) == (None, (RequestedOutput(),))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "The request must be an object, not \\[\\]"),
        ({}, "The request has no 'inputs'"),
        (document(inputs={}), "inputs must be an array"),
        (document(inputs=[7]), r"inputs\[0\] must be an object, not 7"),
        (document(output=[]), "'output' is not known here"),
        (document(id=7), "id must be a text, not 7"),
        (document(parameters=[]), "parameters of the request must be an object"),
        (document(parameters={"sequence_id": 1}), "'sequence_id' is not known here"),
        (document(parameters={"binary_data_output": 1}), "binary_data_output must be true or false, not 1"),
        (document(parameters={"timeout": -1}), "timeout must be a whole number from 0, not -1"),
        (document(parameters={"timeout": "1"}), "timeout must be a whole number from 0, not '1'"),
        (document(parameters={"priority": -1}), "priority must be a whole number from 0"),
        (document(parameters={"priority": True}), "priority must be a whole number from 0, not True"),
        (document(outputs={}), "outputs must be an array"),
        (document(outputs=[{}]), r"outputs\[0\] has no 'name'"),
        (document(outputs=[{"name": "y", "parameters": {"classification": 0}}]), "of output 'y' must be .* not 0"),
        (document(outputs=[{"name": "y", "parameters": {"classification": 1.5}}]), "classification of output 'y'"),
        (document(outputs=[{"name": "y", "parameters": {"binary_data": "yes"}}]), "binary_data of output 'y'"),
        (
            document(outputs=[{"name": "y", "parameters": {"shared_memory_region": "r"}}]),
            "'shared_memory_region' is not known here",
        ),
        (with_input(name=None), r"inputs\[0\] has no 'name'"),
        (with_input(name=3), r"name of inputs\[0\] must be a text"),
        (with_input(datatype=None), "input 'x' has no 'datatype'"),
        (with_input(datatype=["FP32"]), "datatype of input 'x' must be a text"),
        (with_input(shape=None), "input 'x' has no 'shape'"),
        (with_input(shape=3), "shape of input 'x' must be an array"),
        (with_input(shape=[1, -1]), "at axis 1 must be a whole number from 0, not -1"),
        (with_input(shape=[1, 2.0]), "at axis 1 must be a whole number from 0, not 2.0"),
        (with_input(shape=[True]), "at axis 0 must be a whole number from 0, not True"),
        (with_input(shape=[1] * 9), "has 9 axes"),
        (with_input(data=7), "data of input 'x' must be an array, not 7"),
        (with_input(data=None), "either 'data' or .* it has neither"),
        (with_input(parameters={"binary_data_size": 8}), "either 'data' or .* it has both"),
        (with_input(data=None, parameters={"binary_data_size": -8}), "binary_data_size of input 'x' .* not -8"),
        (with_input(data=None, parameters={"binary_data_size": "8"}), "binary_data_size of input 'x' .* not '8'"),
        (with_input(parameters={"content_type": "np"}), "'content_type' is not known here"),
        (with_input(colour="red"), "'colour' is not known here"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_value(given: object, words: str) -> None:
    """Whoever reads the message finds the place in the request."""
    with pytest.raises(MalformedBodyError, match=words):
        read_request(given)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from(["id", "parameters", "inputs", "outputs"]), JSON)
    | st.lists(st.dictionaries(st.sampled_from(list(TENSOR)), JSON), max_size=2).map(lambda inputs: {"inputs": inputs})
    | JSON
)
def test_any_json_is_a_request_or_refused(given: object) -> None:
    """No other error comes out."""
    with suppress(MalformedBodyError):
        assert read_request(given).outputs
