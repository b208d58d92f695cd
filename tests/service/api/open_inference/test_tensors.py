"""A manifest's tensors in the protocol's words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.api.open_inference.tensors import ModelTensors
from tests.model_folders import write_model
from tests.picture_files import input_of, tensor_of


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(("dtype", "datatype"), [("float32", "FP32"), ("uint8", "UINT8")])
def test_shape_and_datatype_are_those_of_what_a_picture_becomes(
    tmp_path: Path, layout: Any, dtype: Any, datatype: str
) -> None:
    """Whoever prepares the tensor gets it right by the metadata alone."""
    from tests.model_folders import picture

    spec = input_of(width=6, height=4, layout=layout, dtype=dtype, color_mode="RGB")
    tensors = ModelTensors.of(replace(write_model(tmp_path, golden=()), input=spec))
    row = tensor_of(picture("red"), spec)
    assert (tensors.row_shape, tensors.row_bytes) == (row.shape, row.nbytes)
    assert (tensors.datatype, tensors.dtype) == (datatype, np.dtype(dtype))
    assert tensors.input_metadata == {"name": spec.tensor, "datatype": datatype, "shape": [-1, *row.shape]}


def test_network_without_channel_axis_has_none(tmp_path: Path) -> None:
    """[N, H, W]."""
    spec = input_of(width=6, height=4, layout="NHW", dtype="uint8", color_mode="L")
    tensors = ModelTensors.of(replace(write_model(tmp_path, golden=()), input=spec))
    assert (tensors.row_shape, tensors.row_bytes) == ((4, 6), 24)


def test_output_has_a_value_for_each_label(tmp_path: Path) -> None:
    """Always 32-bit numbers."""
    tensors = ModelTensors.of(write_model(tmp_path, golden=()))
    assert tensors.output_metadata == {"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]}
