"""From what a request sent to rows that a model takes: each a tensor of numbers, or an encoded picture.

A model has one input. Sent with the model's own datatype it is the tensor itself, ready for the network; sent as BYTES
it carries pictures, which the service decodes as it does everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from service.api.open_inference.binary_tensors import elements_from_binary, numbers_from_binary
from service.api.open_inference.json_tensors import numbers_from_json, pictures_from_json
from service.api.open_inference.request import RequestedInput
from service.api.open_inference.tensors import PICTURES, ModelTensors
from service.api.uploads import MOST_PICTURES
from service.errors import MalformedBodyError, shortened

Row: TypeAlias = bytes | NDArray[Any]
Rows: TypeAlias = Sequence[Row]

MOST_ROWS: Final = 1024


def read_rows(inputs: Sequence[RequestedInput], binary: memoryview, *, tensors: ModelTensors) -> Rows:
    """Make rows of a request's one input.

    Args:
        inputs: As sent.
        binary: What stands behind the JSON.
        tensors: Of the model.

    Returns:
        Pictures or tensors without batch axis, at least one.

    Raises:
        MalformedBodyError: Name, datatype, shape, size or elements are not what the model takes, or not what the
            request itself says.

    """
    sent = _only(inputs, name=tensors.input_name)
    _require_size(binary, announced_bytes=sent.binary_bytes or 0)
    what = f"input {sent.name!r}"
    if sent.datatype == PICTURES:
        count = _picture_count(sent, what)
        if sent.data is not None:
            return pictures_from_json(sent.data, count=count, what=what)
        return elements_from_binary(binary, count=count, what=what)
    _require_datatype(sent, tensors, what)
    _require_shape(sent, tensors, what)
    if sent.data is not None:
        values = numbers_from_json(sent.data, shape=sent.shape, dtype=tensors.dtype, what=what)
    else:
        values = numbers_from_binary(binary, shape=sent.shape, dtype=tensors.dtype, what=what)
    _require_finite(values, what)
    return list(values)


def read_raw_row(binary: memoryview, *, tensors: ModelTensors) -> Rows:
    """Make a row of a body that is nothing but the tensor of one picture.

    Raises:
        MalformedBodyError: It has more or fewer bytes, or elements that are no numbers.

    """
    what = f"input {tensors.input_name!r}"
    values = numbers_from_binary(binary, shape=(1, *tensors.row_shape), dtype=tensors.dtype, what=what)
    _require_finite(values, what)
    return list(values)


def _only(inputs: Sequence[RequestedInput], *, name: str) -> RequestedInput:
    for sent in inputs:
        if sent.name != name:
            raise MalformedBodyError(f"The model has no input {shortened(sent.name)}; it takes {name!r}.")
    if len(inputs) != 1:
        raise MalformedBodyError(f"The model takes its input {name!r} once, and it was sent {len(inputs)} times.")
    return inputs[0]


def _require_size(binary: memoryview, *, announced_bytes: int) -> None:
    if len(binary) != announced_bytes:
        raise MalformedBodyError(
            f"{len(binary)} bytes stand behind the JSON of the request, and by binary_data_size there must be "
            f"{announced_bytes}; Inference-Header-Content-Length says where the JSON ends."
        )


def _picture_count(sent: RequestedInput, what: str) -> int:
    if len(sent.shape) != 1 or not 1 <= sent.shape[0] <= MOST_PICTURES:
        raise MalformedBodyError(
            f"The shape of {what} with encoded pictures must be [n], n from 1 to {MOST_PICTURES}, not "
            f"{list(sent.shape)}."
        )
    return sent.shape[0]


def _require_datatype(sent: RequestedInput, tensors: ModelTensors, what: str) -> None:
    if sent.datatype != tensors.datatype:
        raise MalformedBodyError(
            f"The datatype of {what} must be {tensors.datatype}, or {PICTURES} for encoded pictures, not "
            f"{shortened(sent.datatype)}."
        )


def _require_shape(sent: RequestedInput, tensors: ModelTensors, what: str) -> None:
    if not sent.shape or sent.shape[1:] != tensors.row_shape or not 1 <= sent.shape[0] <= MOST_ROWS:
        expected = ", ".join(map(str, ("n", *tensors.row_shape)))
        raise MalformedBodyError(
            f"The shape of {what} must be [{expected}], n from 1 to {MOST_ROWS}, not {shortened(list(sent.shape))}."
        )


def _require_finite(values: NDArray[Any], what: str) -> None:
    """Refuse what no picture gives and what would come out as an error of the network, here where it can be named."""
    if values.dtype.kind != "f":
        return
    finite = np.isfinite(values)
    if not finite.all():
        place = np.argwhere(~finite)[0].tolist()
        raise MalformedBodyError(
            f"Element {place} of {what} is {values[tuple(place)]}; all must be finite numbers within the datatype."
        )
