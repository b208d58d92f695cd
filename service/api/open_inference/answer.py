"""From scores to the body of an inference response: JSON, and binary data behind it where it is wanted.

Sources: the protocol; the binary tensor data and classification extensions. A classification is a text
`score:index:label`, its score with six decimals as Triton writes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from service.api.open_inference.binary_tensors import elements_as_binary
from service.api.open_inference.request import RequestedOutput
from service.api.open_inference.tensors import NUMBERS, PICTURES, ModelTensors
from service.engine.postprocessing import top_k
from service.errors import MalformedBodyError, shortened


@dataclass(frozen=True, slots=True)
class AnswerBody:
    """An inference response as it is sent.

    Args:
        content: The JSON with what stands behind it.
        json_bytes: Length of the JSON where something stands behind it, else None.

    """

    content: bytes
    json_bytes: int | None


def require_outputs(outputs: Sequence[RequestedOutput], *, tensors: ModelTensors) -> None:
    """See that the outputs wanted are there, before any work is done for them.

    Raises:
        MalformedBodyError: One is not, or is wanted twice.

    """
    for wanted in outputs:
        if wanted.name not in (None, tensors.output_name):
            raise MalformedBodyError(
                f"The model has no output {shortened(wanted.name)}; it gives {tensors.output_name!r}."
            )
    if len(outputs) > 1:
        raise MalformedBodyError(
            f"Output {tensors.output_name!r} can be wanted once, and it was wanted {len(outputs)} times."
        )


def answer_body(
    head: dict[str, Any],
    scores_NK: NDArray[np.float32],
    *,
    wanted: RequestedOutput,
    tensors: ModelTensors,
    labels: Sequence[str],
) -> AnswerBody:
    """Write an answer.

    Args:
        head: What it says of model and request.
        scores_NK: Of each row, in order.
        wanted: How the output is to be given.
        tensors: Of the model.
        labels: Names of the classes.

    """
    output: dict[str, Any] = {"name": tensors.output_name}
    if wanted.classes is None:
        output |= {"datatype": NUMBERS, "shape": list(scores_NK.shape)}
        elements: list[str] = []
    else:
        k = min(wanted.classes, scores_NK.shape[1])
        output |= {"datatype": PICTURES, "shape": [len(scores_NK), k]}
        elements = [text for scores_K in scores_NK for text in _classes(scores_K, labels=labels, k=k)]
    if not wanted.binary:
        output["data"] = elements or scores_NK.ravel()
        return AnswerBody(_json({**head, "outputs": [output]}), None)
    binary = elements_as_binary(text.encode() for text in elements) if elements else _little_endian(scores_NK)
    output["parameters"] = {"binary_data_size": len(binary)}
    json = _json({**head, "outputs": [output]})
    return AnswerBody(json + binary, len(json))


def _classes(scores_K: NDArray[np.float32], *, labels: Sequence[str], k: int) -> list[str]:
    return [f"{score:.6f}:{index}:{labels[index]}" for index, score in top_k(scores_K, k=k)]


def _little_endian(values: NDArray[np.float32]) -> bytes:
    return values.astype("<f4", copy=False).tobytes()


def _json(document: dict[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
