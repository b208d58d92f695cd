"""Answers, read back by the standard library."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest

from service.api.open_inference.answer import answer_body, require_outputs
from service.api.open_inference.request import RequestedOutput
from service.api.open_inference.tensors import ModelTensors
from service.errors import MalformedBodyError

MODEL = ModelTensors("x", "FP32", np.dtype("<f4"), (2, 3), "y", 3)
LABELS = ("cat", "dog", "élan")
SCORES = np.array([[0.25, 0.7, 0.05], [0.5, 0.0, 0.5]], dtype=np.float32)


def answered(*, binary: bool, classes: int | None = None) -> tuple[dict[str, Any], bytes]:
    """Answer, and take the answer apart into its output and what stands behind the JSON."""
    wanted = RequestedOutput("y", binary=binary, classes=classes)
    body = answer_body({"model_name": "m"}, SCORES, wanted=wanted, tensors=MODEL, labels=LABELS)
    length = len(body.content) if body.json_bytes is None else body.json_bytes
    document = json.loads(body.content[:length])
    assert document["model_name"] == "m"
    (output,) = document["outputs"]
    return output, body.content[length:]


def test_scores_in_json_are_flat_and_row_by_row() -> None:
    """Every 32-bit number is written so that it comes back as itself."""
    output, behind = answered(binary=False)
    assert (output["name"], output["datatype"], output["shape"], behind) == ("y", "FP32", [2, 3], b"")
    assert np.array(output["data"], dtype=np.float32).tolist() == SCORES.ravel().tolist()


def test_scores_in_binary_stand_behind_the_json() -> None:
    """Little-endian, and their size is told."""
    output, behind = answered(binary=True)
    assert output == {"name": "y", "datatype": "FP32", "shape": [2, 3], "parameters": {"binary_data_size": 24}}
    assert struct.unpack("<6f", behind) == tuple(SCORES.ravel().tolist())


def test_classes_in_json_are_texts_of_score_index_and_label() -> None:
    """The best first, ties by index; six decimals as Triton writes."""
    output, _ = answered(binary=False, classes=2)
    assert (output["datatype"], output["shape"]) == ("BYTES", [2, 2])
    assert output["data"] == ["0.700000:1:dog", "0.250000:0:cat", "0.500000:0:cat", "0.500000:2:élan"]


def test_classes_in_binary_have_their_length_in_bytes_in_front() -> None:
    """A letter may take more than one."""
    output, behind = answered(binary=True, classes=3)
    assert output["parameters"]["binary_data_size"] == len(behind)
    assert behind.endswith(struct.pack("<I", 14) + b"0.000000:1:dog")
    assert struct.pack("<I", 16) + "0.500000:2:élan".encode() in behind


def test_more_classes_than_there_are_are_clamped() -> None:
    """As Triton does."""
    assert answered(binary=False, classes=1000)[0]["shape"] == [2, 3]


@pytest.mark.parametrize(
    ("names", "words"), [(("z",), "no output 'z'; it gives 'y'"), (("y", "y"), "wanted 2 times"), (("y", "z"), "'z'")]
)
def test_outputs_that_are_not_there_or_wanted_twice_are_refused(names: tuple[str, ...], words: str) -> None:
    """Before anything is computed."""
    with pytest.raises(MalformedBodyError, match=words):
        require_outputs([RequestedOutput(name) for name in names], tensors=MODEL)


def test_the_models_output_may_go_unnamed() -> None:
    """Then it is meant."""
    require_outputs([RequestedOutput()], tensors=MODEL)
