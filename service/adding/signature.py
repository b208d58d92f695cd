"""What an ONNX file says about its inputs, outputs, weights and last operators, read without the runtime.

A bounded look at a file that `require_safe` has let through: names, types and shapes; weights are stepped over. What
the runtime makes of the file is found by running it afterwards.

Source: onnx/onnx.proto, field numbers of ModelProto, GraphProto, NodeProto, ValueInfoProto, TensorProto.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from service.errors import UnsafeModelError
from service.repository.protobuf import WireError, fields

Dimension: TypeAlias = int | str | None  # a number, a name such as "batch", or nothing at all

_MODEL_PRODUCER, _MODEL_GRAPH, _MODEL_METADATA = 2, 7, 14
_ENTRY_KEY, _ENTRY_VALUE = 1, 2
_GRAPH_NODES, _GRAPH_WEIGHTS, _GRAPH_INPUTS, _GRAPH_OUTPUTS, _GRAPH_SPARSE = 1, 5, 11, 12, 15
_NODE_INPUTS, _NODE_OUTPUTS, _NODE_OPERATOR = 1, 2, 4
_VALUE_NAME, _VALUE_TYPE = 1, 2
_TYPE_TENSOR, _TENSOR_ELEMENT, _TENSOR_SHAPE, _SHAPE_DIMENSION = 1, 1, 2, 1
_DIMENSION_VALUE, _DIMENSION_NAME = 1, 2
_WEIGHT_DIMENSIONS, _WEIGHT_TYPE, _WEIGHT_NAME, _SPARSE_VALUES = 1, 2, 8, 1
_SIGN_BIT: Final = 2**63
_MOST_SIZES_BYTES: Final = 160  # a shape of sixteen axes, however large they are
# TensorProto.DataType; the names that people write
_TYPES: Final = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
    10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """An input or output as the file declares it.

    Args:
        name: Of the tensor.
        dtype: Element type, or `not a tensor`.
        shape: Sizes of its axes; None where the file says nothing about them.

    """

    name: str
    dtype: str
    shape: tuple[Dimension, ...] | None

    def __str__(self) -> str:
        """Show it as people write it: `input float32 [batch, 3, 224, 224]`."""
        if self.shape is None:
            return f"{self.name!r} {self.dtype} [shape not declared]"
        return f"{self.name!r} {self.dtype} [{', '.join('?' if size is None else str(size) for size in self.shape)}]"


@dataclass(frozen=True, slots=True)
class Operator:
    """One node of the graph.

    Args:
        kind: Such as `Softmax`.
        inputs: Names of what it reads.

    """

    kind: str
    inputs: tuple[str, ...]


@dataclass(slots=True)
class Signature:
    """What a network takes and gives, and what it is made of.

    Args:
        inputs: What a caller has to give; weights that the file lists among its inputs are left out.
        outputs: What it gives.
        producers: Tensor to the operator that makes it.
        operators: How often each kind of operator is there.
        weights: Element type to number of values.
        metadata: What the exporting program noted.
        producer: The exporting program.

    """

    inputs: list[TensorInfo] = field(default_factory=list)
    outputs: list[TensorInfo] = field(default_factory=list)
    producers: dict[str, Operator] = field(default_factory=dict)
    operators: Counter[str] = field(default_factory=Counter)
    weights: Counter[str] = field(default_factory=Counter)
    metadata: dict[str, str] = field(default_factory=dict)
    producer: str = ""


def read_signature(model: bytes, *, path: Path) -> Signature:
    """Read what a file declares.

    Args:
        model: The bytes of a file that `require_safe` accepts.
        path: Where they come from, for the message.

    Raises:
        UnsafeModelError: A part that nobody had looked into is damaged.

    """
    found = Signature()
    try:
        _read_model(model, found)
    except WireError as error:
        raise UnsafeModelError(path, reason=f"is a damaged ONNX model ({error})") from error
    return found


def _read_model(model: bytes, found: Signature) -> None:
    for number, value in _messages(memoryview(model)):
        if number == _MODEL_GRAPH:
            _read_graph(value, found)
        elif number == _MODEL_METADATA:
            entry = dict(_messages(value))
            found.metadata[_text(entry.get(_ENTRY_KEY))] = _text(entry.get(_ENTRY_VALUE))
        elif number == _MODEL_PRODUCER:
            found.producer = _text(value)


def _read_graph(graph: memoryview, found: Signature) -> None:
    weight_names: set[str] = set()
    for number, value in _messages(graph):
        if number == _GRAPH_NODES:
            _read_node(value, found)
        elif number == _GRAPH_WEIGHTS:
            weight_names.add(_read_weight(value, found))
        elif number == _GRAPH_SPARSE:
            weight_names |= {_read_weight(dense, found) for part, dense in _messages(value) if part == _SPARSE_VALUES}
        elif number == _GRAPH_INPUTS:
            found.inputs.append(_tensor_info(value))
        elif number == _GRAPH_OUTPUTS:
            found.outputs.append(_tensor_info(value))
    # Until IR version 4 every weight had to be listed among the inputs too.
    found.inputs = [each for each in found.inputs if each.name not in weight_names]


def _read_node(node: memoryview, found: Signature) -> None:
    kind, inputs, outputs = "", [], []
    for number, value in _messages(node):
        if number == _NODE_INPUTS:
            inputs.append(_text(value))
        elif number == _NODE_OUTPUTS:
            outputs.append(_text(value))
        elif number == _NODE_OPERATOR:
            kind = _text(value)
    found.operators[kind] += 1
    found.producers.update(dict.fromkeys(outputs, Operator(kind, tuple(inputs))))


def _read_weight(tensor: memoryview, found: Signature) -> str:
    """Count a weight's values and return its name."""
    name, dtype, sizes = "", "", []
    for number, value in fields(tensor):
        if number == _WEIGHT_NAME and isinstance(value, memoryview):
            name = _text(value)
        elif number == _WEIGHT_TYPE and isinstance(value, int):
            dtype = _type_name(value)
        elif number == _WEIGHT_DIMENSIONS:
            sizes += _numbers(value)
    found.weights[dtype] += math.prod(sizes[:16])
    return name


def _tensor_info(message: memoryview) -> TensorInfo:
    parts = dict(_messages(message))
    name = _text(parts.get(_VALUE_NAME))
    kind = dict(_messages(parts.get(_VALUE_TYPE, memoryview(b""))))
    if _TYPE_TENSOR not in kind:
        return TensorInfo(name, "not a tensor" if kind else "of no declared type", None)
    dtype, shape = "", None
    for number, value in fields(kind[_TYPE_TENSOR]):
        if number == _TENSOR_ELEMENT and isinstance(value, int):
            dtype = _type_name(value)
        elif number == _TENSOR_SHAPE and isinstance(value, memoryview):
            shape = tuple(_dimension(each) for part, each in _messages(value) if part == _SHAPE_DIMENSION)
    return TensorInfo(name, dtype, shape)


def _dimension(message: memoryview) -> Dimension:
    """Read the size of an axis; some exporters write -1 where any size will do."""
    size: Dimension = None
    for number, value in fields(message):
        if number == _DIMENSION_VALUE and isinstance(value, int):
            size = value if 0 < value < _SIGN_BIT else None
        elif number == _DIMENSION_NAME and isinstance(value, memoryview):
            size = _text(value) or None
    return size


def _numbers(value: int | memoryview) -> list[int]:
    """Read a repeated number in either of its encodings: one by one, or packed."""
    if isinstance(value, int):
        return [value]
    numbers, current, shift = [], 0, 0
    for byte in value[:_MOST_SIZES_BYTES]:
        current |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(current)
            current, shift = 0, 0
    return numbers


def _type_name(number: int) -> str:
    return _TYPES.get(number, f"type {number}")


def _messages(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    for number, value in fields(message):
        if isinstance(value, memoryview):
            yield number, value


def _text(value: memoryview | None) -> str:
    return bytes(value or b"").decode("utf-8", "replace")
