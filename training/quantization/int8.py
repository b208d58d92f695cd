"""Layers of whole numbers: weights and the tensors between layers as int8, with a scale for each output channel.

The file keeps its operators and says around them where numbers become whole (QuantizeLinear, DequantizeLinear); the
runtime fuses these into integer kernels. It stays valid ONNX that computes the same, slower, anywhere else.

Activations are signed as well as weights: measured here, the runtime turns them to unsigned where its kernels want them
so, with the same numbers and the same speed, and other processors have kernels for signed ones alone.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import onnx
from onnxruntime.quantization import QuantType
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from training.quantization.layers import CARRIER_TYPES, LAYER_TYPES
from training.quantization.quiet import quietly
from training.quantization.sharing import share_equal_weights


def to_int8(
    model: onnx.ModelProto,
    *,
    nodes: Collection[str],
    ranges: Any,  # noqa: ANN401  - see calibration.py
) -> bytes:
    """Write the int8 file.

    Args:
        model: As `prepared` gives it; left as it is.
        nodes: Names of the layers and carriers that become int8.
        ranges: Of the model's tensors.

    """
    assert nodes, "the library takes an empty list for all nodes"  # noqa: S101 - our bug, if it ever happens
    copy = onnx.ModelProto()
    copy.CopyFrom(model)  # the library writes into what it is given
    with quietly():
        quantizer = QDQQuantizer(
            copy,
            per_channel=True,
            reduce_range=False,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QInt8,
            tensors_range=ranges,
            nodes_to_quantize=list(nodes),
            nodes_to_exclude=[],
            op_types_to_quantize=sorted(LAYER_TYPES | CARRIER_TYPES),
            extra_options={},
        )
        quantizer.quantize_model()
    return written(share_equal_weights(quantizer.model.model))


def written(model: onnx.ModelProto) -> bytes:
    """Write a file without what only its making needed: shapes in between, notes, domains that no node is of."""
    tidy = onnx.ModelProto()
    tidy.CopyFrom(model)
    used = {node.domain for node in tidy.graph.node} | {""}
    opsets = [opset for opset in tidy.opset_import if opset.domain in used]
    del tidy.opset_import[:]
    tidy.opset_import.extend(opsets)
    del tidy.metadata_props[:]
    del tidy.graph.value_info[:]
    data: bytes = tidy.SerializeToString()
    return data
