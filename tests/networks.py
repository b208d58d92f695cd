"""Builds ONNX files of a few nodes, whose answers can be worked out in one's head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Shape = Sequence[int | str] | None

FLOAT = TensorProto.FLOAT


def node(operator: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> onnx.NodeProto:
    """Make one node."""
    return helper.make_node(operator, list(inputs), list(outputs), **attributes)


def network_proto(
    nodes: Sequence[onnx.NodeProto],
    *,
    inputs: Mapping[str, Shape] | None = None,
    outputs: Mapping[str, Shape] | None = None,
    weights: Mapping[str, NDArray[Any]] | None = None,
    input_type: int = FLOAT,
    output_type: int = FLOAT,
    opsets: Mapping[str, int] | None = None,
) -> onnx.ModelProto:
    """Put nodes together; by default `input` [n, 3] becomes `output` [n, 3], both of float32."""
    inputs = inputs or {"input": ("n", 3)}
    outputs = outputs or {"output": ("n", 3)}
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info(name, input_type, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, output_type, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (weights or {}).items()],
    )
    imports = [helper.make_opsetid(domain, version) for domain, version in (opsets or {"": 20}).items()]
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


def network(nodes: Sequence[onnx.NodeProto], **options: Any) -> bytes:
    """Put nodes together and write the file; see `network_proto`."""
    data: bytes = network_proto(nodes, **options).SerializeToString()
    return data
