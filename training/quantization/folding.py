"""Normalisation that follows a max pooling moves in front of it, where it folds into the convolution.

The largest of some values is also the largest after a rising line was applied to each, so the two commute wherever
every factor is positive. Folded, the channels share the 256 steps of int8 evenly; left where it was, it would stretch
the rounding of the channels with small values.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
from onnx import numpy_helper

_FACTOR = 1  # the input of a normalisation that holds one factor per channel


def move_normalization_before_pooling(model: onnx.ModelProto) -> onnx.ModelProto:
    """Swap each max pooling with the normalisation behind it where that changes no value.

    Args:
        model: Left as it is.

    """
    moved = onnx.ModelProto()
    moved.CopyFrom(model)
    graph = moved.graph
    uses = Counter(name for node in graph.node for name in node.input)
    uses.update(output.name for output in graph.output)
    makers = {name: node for node in graph.node for name in node.output}
    factors = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        pooling = makers.get(node.input[0]) if node.op_type == "BatchNormalization" else None
        if pooling is None or pooling.op_type != "MaxPool" or len(pooling.output) > 1 or uses[node.input[0]] > 1:
            continue
        factor = factors.get(node.input[_FACTOR])
        if factor is not None and (numpy_helper.to_array(factor) > np.float32(0)).all():
            _swap(pooling, node)
    del graph.value_info[:]  # shapes of the tensors in between are others now
    return moved


def _swap(pooling: onnx.NodeProto, normalization: onnx.NodeProto) -> None:
    """Exchange two nodes in place, so that the order of the graph stays right."""
    before, between, after = pooling.input[0], pooling.output[0], normalization.output[0]
    swapped = onnx.NodeProto()
    swapped.CopyFrom(normalization)
    swapped.input[0], swapped.output[0] = before, between
    pooled = onnx.NodeProto()
    pooled.CopyFrom(pooling)
    pooled.input[0], pooled.output[0] = between, after
    pooling.CopyFrom(swapped)
    normalization.CopyFrom(pooled)
