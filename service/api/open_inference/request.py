"""The JSON object of an inference request as typed values: inputs, outputs wanted, parameters.

Strict, because what a server passes over in silence the caller believes to be in force: members and parameters that are
not known here are refused. Knows no model; whether the tensors fit one is asked later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from service.api.open_inference import json_values
from service.errors import MalformedBodyError, shortened

# The last two stand in the URL already; KServe's client sends them all the same.
_REQUEST_MEMBERS: Final = ("id", "parameters", "inputs", "outputs", "model_name", "model_version")
_INPUT_MEMBERS: Final = ("name", "shape", "datatype", "parameters", "data")
_OUTPUT_MEMBERS: Final = ("name", "parameters")
_MOST_AXES: Final = 8
_MICROSECONDS: Final = 1e6
_HIGHEST_PRIORITY: Final = 1


@dataclass(frozen=True, slots=True)
class RequestedInput:
    """A tensor that was sent.

    Args:
        name: Of the tensor.
        datatype: As the protocol calls it.
        shape: The batch first.
        data: Its elements where they stand in the JSON, else None.
        binary_bytes: Size of its elements behind the JSON, else None.

    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: list[Any] | None
    binary_bytes: int | None


@dataclass(frozen=True, slots=True)
class RequestedOutput:
    """A tensor that is wanted.

    Args:
        name: Of the tensor; None for the model's own, whatever its name.
        binary: Whether its elements shall stand behind the JSON.
        classes: How many of the best classes are wanted instead of the tensor, else None.

    """

    name: str | None = None
    binary: bool = False
    classes: int | None = None


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """What the JSON object says.

    Args:
        id: To be returned; None where there is none.
        inputs: Tensors in order.
        outputs: Tensors wanted, in order; at least one.
        timeout_s: How long the caller waits, in seconds; None where it does not say, or says 0.
        urgent: Whether it goes before requests that are not.

    """

    id: str | None
    inputs: tuple[RequestedInput, ...]
    outputs: tuple[RequestedOutput, ...] = field(default=(RequestedOutput(),))
    timeout_s: float | None = None
    urgent: bool = True


def read_request(document: object) -> InferenceRequest:
    """Read the JSON object of a request.

    Args:
        document: As parsed.

    Raises:
        MalformedBodyError: A member is missing, not known, of another type, or contradicts another one.

    """
    members = json_values.members(document, "The request", known=_REQUEST_MEMBERS)
    parameters = _parameters(members, "the request", known=("binary_data_output", "priority", "timeout"))
    inputs = json_values.array(json_values.required(members, "inputs", "The request"), "inputs")
    outputs = json_values.array(members.get("outputs", []), "outputs")
    binary = json_values.flag(parameters.get("binary_data_output", False), "binary_data_output")
    timeout = json_values.whole_number(parameters.get("timeout", 0), "timeout", least=0)
    return InferenceRequest(
        id=json_values.text(members["id"], "id") if "id" in members else None,
        inputs=tuple(_input(item, f"inputs[{place}]") for place, item in enumerate(inputs)),
        outputs=_outputs(outputs, binary=binary),
        timeout_s=timeout / _MICROSECONDS or None,
        urgent=json_values.whole_number(parameters.get("priority", 0), "priority", least=0) <= _HIGHEST_PRIORITY,
    )


def _input(item: object, what: str) -> RequestedInput:
    members = json_values.members(item, what, known=_INPUT_MEMBERS)
    name = json_values.text(json_values.required(members, "name", what), f"The name of {what}")
    what = f"input {shortened(name)}"
    parameters = _parameters(members, what, known=("binary_data_size",))
    binary_bytes = parameters.get("binary_data_size")
    if binary_bytes is not None:
        binary_bytes = json_values.whole_number(binary_bytes, f"binary_data_size of {what}", least=0)
    if (binary_bytes is None) == ("data" not in members):
        count = "neither" if binary_bytes is None else "both"
        raise MalformedBodyError(f"{what} must have either 'data' or the parameter 'binary_data_size'; it has {count}.")
    return RequestedInput(
        name=name,
        datatype=json_values.text(json_values.required(members, "datatype", what), f"The datatype of {what}"),
        shape=_shape(json_values.required(members, "shape", what), f"The shape of {what}"),
        data=json_values.array(members["data"], f"The data of {what}") if binary_bytes is None else None,
        binary_bytes=binary_bytes,
    )


def _shape(value: object, what: str) -> tuple[int, ...]:
    sizes = json_values.array(value, what)
    if len(sizes) > _MOST_AXES:
        raise MalformedBodyError(f"{what} has {len(sizes)} axes; no tensor here has more than {_MOST_AXES}.")
    return tuple(json_values.whole_number(size, f"{what} at axis {axis}", least=0) for axis, size in enumerate(sizes))


def _outputs(items: Sequence[object], *, binary: bool) -> tuple[RequestedOutput, ...]:
    if not items:
        return (RequestedOutput(binary=binary),)
    return tuple(_output(item, f"outputs[{place}]", binary=binary) for place, item in enumerate(items))


def _output(item: object, what: str, *, binary: bool) -> RequestedOutput:
    members = json_values.members(item, what, known=_OUTPUT_MEMBERS)
    name = json_values.text(json_values.required(members, "name", what), f"The name of {what}")
    what = f"output {shortened(name)}"
    parameters = _parameters(members, what, known=("binary_data", "classification"))
    classes = parameters.get("classification")
    if classes is not None:
        classes = json_values.whole_number(classes, f"classification of {what}", least=1)
    binary = json_values.flag(parameters.get("binary_data", binary), f"binary_data of {what}")
    return RequestedOutput(name, binary, classes)


def _parameters(members: dict[str, Any], what: str, *, known: Sequence[str]) -> dict[str, Any]:
    return json_values.members(members.get("parameters", {}), f"The parameters of {what}", known=known)
