"""Which nodes of a graph are layers with weights, which come first and last, and what lies between them.

Quantising pays between layers, where whole numbers go from one into the next. What comes before the first layer (the
mirror image of a picture) and after the last one (the mean of two looks, the softmax) stays in float32.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

import onnx

LAYER_TYPES = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
# Between layers: what works on whole numbers as well, or is left out where the next layer cuts values off anyway.
CARRIER_TYPES = frozenset(
    {
        *("Relu", "Clip", "MaxPool", "AveragePool", "GlobalAveragePool", "Add", "Concat", "Split", "Slice", "Pad"),
        *("Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze"),
    }
)
_WEIGHT = 1  # the input of a layer that holds its weights
_FOLDED = re.compile(r"^ConvBnFusion_W_|_token_\d+$")  # how the runtime names weights that took normalisation in


@dataclass(frozen=True, slots=True)
class Layer:
    """One node with weights.

    Args:
        node: Its name in the graph.
        kind: Its operator.
        weight: Name of its weights, which says more to people than the node's.

    """

    node: str
    kind: str
    weight: str

    def __str__(self) -> str:
        return f"{_FOLDED.sub('', self.weight)} ({self.kind})"


@dataclass(frozen=True, slots=True)
class Layers:
    """What there is to quantise in a graph.

    Args:
        all: In the order of the graph.
        first: Those that no layer stands before; two where a picture is looked at twice.
        last: Those that no layer stands behind.
        carriers: Names of the nodes between layers that can take whole numbers.

    """

    all: tuple[Layer, ...]
    first: tuple[Layer, ...]
    last: tuple[Layer, ...]
    carriers: tuple[str, ...]


def find_layers(model: onnx.ModelProto) -> Layers:
    """List the layers of a graph whose nodes all have names."""
    graph = model.graph
    weights = {tensor.name for tensor in graph.initializer}
    layers = {
        node.name: Layer(node.name, node.op_type, node.input[_WEIGHT])
        for node in graph.node
        if node.op_type in LAYER_TYPES and node.input[_WEIGHT] in weights
    }
    behind = _reached(graph.node, layers)
    before = _reached([_reversed(node) for node in reversed(graph.node)], layers)
    carriers = [
        node.name
        for node in graph.node
        if node.op_type in CARRIER_TYPES
        and node.name in behind & before
        and not (node.op_type == "Add" and weights & set(node.input))  # an offset, or a part of a longer formula
    ]
    return Layers(
        all=tuple(layers.values()),
        first=tuple(layer for name, layer in layers.items() if name not in behind),
        last=tuple(layer for name, layer in layers.items() if name not in before),
        carriers=tuple(carriers),
    )


def with_names(model: onnx.ModelProto) -> onnx.ModelProto:
    """Give every node a name of its own."""
    named = onnx.ModelProto()
    named.CopyFrom(model)
    taken: set[str] = set()
    for number, node in enumerate(named.graph.node):
        if not node.name or node.name in taken:
            node.name = f"{node.op_type}_{number}"
        taken.add(node.name)
    return named


def _reached(nodes: Collection[onnx.NodeProto], layers: Collection[str]) -> set[str]:
    """Name the nodes that something of a layer flows into; the nodes come in the order in which they run."""
    carrying: set[str] = set()
    reached: set[str] = set()
    for node in nodes:
        if carrying & set(node.input):
            reached.add(node.name)
        if node.name in reached or node.name in layers:
            carrying.update(node.output)
    return reached


def _reversed(node: onnx.NodeProto) -> onnx.NodeProto:
    return onnx.helper.make_node(node.op_type, node.output, node.input, name=node.name)
