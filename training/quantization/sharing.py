"""Weights that are used twice are stored once.

A network that looks at a picture twice, as it is and mirrored, uses each weight in two nodes. Folding normalisation
into the convolutions gives each node its own copy, and quantising each copy its own scales; this puts them together.
"""

from __future__ import annotations

import hashlib

import onnx
from onnx import TensorProto

Key = tuple[object, ...]


def share_equal_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """Give a model of the same values in which equal tensors, and what unpacks them, exist once.

    Args:
        model: Left as it is; one with graphs inside nodes keeps what it has, because those use weights by name too.

    """
    shared = onnx.ModelProto()
    shared.CopyFrom(model)
    if any(attribute.HasField("g") or attribute.graphs for node in model.graph.node for attribute in node.attribute):
        return shared
    _merge_initializers(shared.graph)
    _merge_unpacking(shared.graph)
    return shared


def _merge_initializers(graph: onnx.GraphProto) -> None:
    first: dict[Key, str] = {}
    renamed: dict[str, str] = {}
    kept: list[TensorProto] = []
    for tensor in graph.initializer:
        name = first.setdefault(_content(tensor), tensor.name)
        if name == tensor.name:
            kept.append(tensor)
        else:
            renamed[tensor.name] = name
    copies = [TensorProto.FromString(tensor.SerializeToString()) for tensor in kept]
    del graph.initializer[:]
    graph.initializer.extend(copies)
    _rename_inputs(graph, renamed)


def _merge_unpacking(graph: onnx.GraphProto) -> None:
    """Merge nodes that unpack the same weight in the same way."""
    weights = {tensor.name for tensor in graph.initializer}
    outputs = {output.name for output in graph.output}
    first: dict[Key, str] = {}
    renamed: dict[str, str] = {}
    for node in list(graph.node):
        if node.op_type != "DequantizeLinear" or node.input[0] not in weights or node.output[0] in outputs:
            continue
        key = (node.domain, *node.input, *sorted(attribute.SerializeToString() for attribute in node.attribute))
        name = first.setdefault(key, node.output[0])
        if name != node.output[0]:
            renamed[node.output[0]] = name
            graph.node.remove(node)
    _rename_inputs(graph, renamed)


def _content(tensor: TensorProto) -> Key:
    nameless = TensorProto()
    nameless.CopyFrom(tensor)
    nameless.name = nameless.doc_string = ""
    return (tensor.data_type, tuple(tensor.dims), hashlib.sha256(nameless.SerializeToString()).digest())


def _rename_inputs(graph: onnx.GraphProto, renamed: dict[str, str]) -> None:
    for node in graph.node:
        for position, name in enumerate(node.input):
            node.input[position] = renamed.get(name, name)
