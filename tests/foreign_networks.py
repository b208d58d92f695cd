"""ONNX files as other programs write them: small networks of every kind that people bring, with answers known by hand.

`color_classifier` averages each channel; the strongest colour wins, or, for one channel, bright against dark. Its input
is meant in 0..1, so that the defaults of `models add` fit it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

_TYPES = {
    "float32": TensorProto.FLOAT,
    "float16": TensorProto.FLOAT16,
    "uint8": TensorProto.UINT8,
    "float64": TensorProto.DOUBLE,
}
_AXES_ARE_INPUTS = 18  # opset from which ReduceMean takes its axes as an input
_UNSQUEEZE_AXES_ARE_INPUTS = 13
_WEIGHTS_MAY_BE_NO_INPUTS = 4  # IR version
_SHARPNESS = 10.0

Size = tuple[int | str, int | str]


def color_classifier(
    *,
    opset: int = 17,
    layout: str = "NCHW",
    dtype: str = "float32",
    batch: int | str | None = "n",
    size: Size = (8, 8),
    channels: int = 3,
    ending: str = "softmax",
    background: bool = False,
    metadata: Mapping[str, str] | None = None,
    open_axes: bool = False,
    half: bool = False,
) -> onnx.ModelProto:
    """Make a network.

    Args:
        opset: From 8 to 23.
        layout: `NCHW`, `NHWC` or `NHW`.
        dtype: Of the input.
        batch: Declared size of the first axis.
        size: Declared rows and columns.
        channels: 3 for red, green, blue; 1 for dark, bright.
        ending: `softmax`, `logits`, `log_softmax`, `sigmoid`, `logit`, `sigmoids`, `argmax` or `shares` (a softmax
            made of other operators).
        background: Put a class in front that never wins.
        metadata: What the exporter notes.
        open_axes: Declare no size of any axis.
        half: Compute in float16 from the first operator to the last.

    """
    graph = _Graph(opset, half=half)
    image = _as_planes(graph, layout, "float32" if half else dtype)
    pooled = graph.add("GlobalAveragePool", [image])
    means = graph.add("Flatten", [pooled], axis=1)
    classes = _ending(graph, means, channels=channels, ending=ending, background=background)
    sizes = {"N": batch, "C": channels, "H": size[0], "W": size[1]}
    shape = [None if open_axes else sizes[axis] for axis in layout]
    number = TensorProto.INT64 if ending == "argmax" else TensorProto.FLOAT16 if half else TensorProto.FLOAT
    dtype = "float16" if half else dtype
    outputs = [helper.make_tensor_value_info("answer", number, [shape[0], classes])]
    return graph.model([helper.make_tensor_value_info("image", _TYPES[dtype], shape)], outputs, metadata or {})


class _Graph:
    """Nodes and weights that grow one by one."""

    def __init__(self, opset: int, *, half: bool = False) -> None:
        self.opset = opset
        self.half = half
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(self, operator: str, inputs: Sequence[str], *, name: str = "", **attributes: Any) -> str:
        name = name or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def weight(self, values: NDArray[Any]) -> str:
        name = f"w{len(self.weights)}"
        halved = self.half and values.dtype == np.float32
        self.weights.append(numpy_helper.from_array(values.astype(np.float16) if halved else values, name))
        return name

    def model(self, inputs: list[Any], outputs: list[Any], metadata: Mapping[str, str]) -> onnx.ModelProto:
        opsets = [helper.make_opsetid("", self.opset)]
        version = helper.find_min_ir_version_for(opsets)
        if version < _WEIGHTS_MAY_BE_NO_INPUTS:
            inputs = inputs + [helper.make_tensor_value_info(w.name, w.data_type, w.dims) for w in self.weights]
        graph = helper.make_graph(self.nodes, "colors", inputs, outputs, self.weights)
        model = helper.make_model(graph, opset_imports=opsets, ir_version=version, producer_name="tests")
        helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model)
        return model


def _as_planes(graph: _Graph, layout: str, dtype: str) -> str:
    image = "image"
    if dtype != "float32":
        image = graph.add("Cast", [image], to=TensorProto.FLOAT)
    if dtype == "uint8":
        image = graph.add("Mul", [image, graph.weight(np.array(1 / 255, dtype=np.float32))])
    if layout == "NHWC":
        return graph.add("Transpose", [image], perm=[0, 3, 1, 2])
    if layout == "NCHW":
        return image
    if graph.opset >= _UNSQUEEZE_AXES_ARE_INPUTS:
        return graph.add("Unsqueeze", [image, graph.weight(np.array([1], dtype=np.int64))])
    return graph.add("Unsqueeze", [image], axes=[1])


def _ending(graph: _Graph, means: str, *, channels: int, ending: str, background: bool) -> int:
    if ending in ("sigmoid", "logit"):
        matrix = np.full((channels, 1), 2 * _SHARPNESS / channels, dtype=np.float32)
        bias = np.array([-_SHARPNESS], dtype=np.float32)
    elif channels == 1:
        matrix = np.array([[-_SHARPNESS, _SHARPNESS]], dtype=np.float32)
        bias = np.array([_SHARPNESS / 2, -_SHARPNESS / 2], dtype=np.float32)
    else:
        matrix = _SHARPNESS * np.eye(channels, dtype=np.float32)
        bias = np.zeros(channels, dtype=np.float32)
    if background:
        matrix = np.concatenate([np.zeros((channels, 1), dtype=np.float32), matrix], axis=1)
        bias = np.concatenate([np.array([-100], dtype=np.float32), bias])
    product = graph.add("MatMul", [means, graph.weight(matrix)])
    plain = ending in ("logits", "logit")
    logits = graph.add("Add", [product, graph.weight(bias)], name="answer" if plain else "")
    if ending in ("softmax", "log_softmax"):
        graph.add("Softmax" if ending == "softmax" else "LogSoftmax", [logits], name="answer", axis=1)
    elif ending in ("sigmoid", "sigmoids"):
        graph.add("Sigmoid", [logits], name="answer")
    elif ending == "argmax":
        graph.add("ArgMax", [logits], name="answer", axis=1)
    elif ending == "shares":
        powers = graph.add("Exp", [logits])
        ones = graph.weight(np.ones((matrix.shape[1], 1), dtype=np.float32))
        graph.add("Div", [powers, graph.add("MatMul", [powers, ones])], name="answer")
    return 1 if ending == "argmax" else matrix.shape[1]


def convolution_classifier() -> onnx.ModelProto:
    """Make a network of a convolution and a product, so that quantisation has something to quantise."""
    graph = _Graph(17)
    kernel = np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1)
    features = graph.add("Relu", [graph.add("Conv", ["image", graph.weight(kernel)], kernel_shape=[1, 1])])
    means = graph.add("Flatten", [graph.add("GlobalAveragePool", [features])], axis=1)
    _ending(graph, means, channels=3, ending="logits", background=False)
    inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 8, 8])]
    return graph.model(inputs, [helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["n", 3])], {})


def many_classes(count: int) -> onnx.ModelProto:
    """Make a network of so many classes, no two of them equally probable."""
    graph = _Graph(17)
    means = graph.add("Flatten", [graph.add("GlobalAveragePool", ["image"])], axis=1)
    matrix = np.linspace(-2, 2, 3 * count, dtype=np.float32).reshape(3, count)
    logits = graph.add("MatMul", [means, graph.weight(matrix)])
    graph.add("Softmax", [logits], name="answer", axis=1)
    inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 8, 8])]
    return graph.model(inputs, [helper.make_tensor_value_info("answer", TensorProto.FLOAT, ["n", count])], {})


def several_outputs() -> onnx.ModelProto:
    """Make a network that also gives the averages on which it decides."""
    model = color_classifier()
    means = next(node.output[0] for node in model.graph.node if node.op_type == "Flatten")
    model.graph.output.append(helper.make_tensor_value_info(means, TensorProto.FLOAT, ["n", 3]))
    return model


def several_inputs() -> onnx.ModelProto:
    """Make a network that takes a temperature beside the picture."""
    model = color_classifier(ending="logits")
    model.graph.node[-1].output[0] = "cold"
    model.graph.node.append(helper.make_node("Mul", ["cold", "temperature"], ["answer"]))
    model.graph.input.append(helper.make_tensor_value_info("temperature", TensorProto.FLOAT, [1]))
    return model


def write(model: onnx.ModelProto, path: Path) -> Path:
    """Write a network into a file."""
    path.write_bytes(model.SerializeToString())
    return path
