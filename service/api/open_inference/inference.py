"""A whole request body as what is to be done for it: rows, the output wanted, and on which terms."""

from __future__ import annotations

from dataclasses import dataclass

from service.api.open_inference.answer import require_outputs
from service.api.open_inference.inputs import Rows, read_raw_row, read_rows
from service.api.open_inference.message import read_message
from service.api.open_inference.request import InferenceRequest, RequestedOutput, read_request
from service.api.open_inference.tensors import ModelTensors


@dataclass(frozen=True, slots=True)
class Inference:
    """What is to be done.

    Args:
        request: What the JSON says.
        rows: What the network is to see, or pictures of it.

    """

    request: InferenceRequest
    rows: Rows

    @property
    def wanted(self) -> RequestedOutput:
        """How the one output is to be given."""
        return self.request.outputs[0]

    @property
    def row_bytes(self) -> int:
        """Size of all rows."""
        return sum(len(row) if isinstance(row, bytes) else row.nbytes for row in self.rows)


def read_inference(body: bytes, *, json_length: str | None, tensors: ModelTensors) -> Inference:
    """Read a request and see that it fits the model.

    Args:
        body: Not compressed.
        json_length: What the header says about where its JSON ends, None where it is absent.
        tensors: Of the model.

    Raises:
        MalformedBodyError: It contradicts itself or the model.

    """
    message = read_message(body, json_length=json_length)
    if message.is_raw:  # the extension answers such a request with binary data
        raw = InferenceRequest(id=None, inputs=(), outputs=(RequestedOutput(binary=True),))
        return Inference(raw, read_raw_row(message.binary, tensors=tensors))
    request = read_request(message.document)
    require_outputs(request.outputs, tensors=tensors)
    return Inference(request, read_rows(request.inputs, message.binary, tensors=tensors))
