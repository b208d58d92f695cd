"""What an ONNX file declares, read before the runtime sees it.

ONNX Runtime loads external data from wherever the file points without a word, and shows neither opsets nor operator
domains. So the file itself is read first, with bounds on depth and count; only sizes and names are looked at, weights
are stepped over.

Source: onnx/onnx.proto, field numbers of ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from service.errors import UnsafeModelError
from service.repository.protobuf import Field, WireError, fields

# Operators that ONNX Runtime itself brings; any other domain would need somebody's library loaded into this process.
TRUSTED_DOMAINS: Final = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc"})
MAX_NODES: Final = 200_000
MAX_FIELDS: Final = 1_000_000  # of all messages together; a quantised MobileNetV2 of 307 nodes has 5,793
MAX_DEPTH: Final = 16  # subgraphs inside subgraphs

_MODEL_GRAPH, _MODEL_OPSETS, _MODEL_TRAINING, _MODEL_FUNCTIONS = 7, 8, 20, 25
_TRAINING_START, _TRAINING_STEP = 1, 2
_GRAPH_NODES, _GRAPH_INITIALIZERS, _GRAPH_SPARSE = 1, 5, 15
_NODE_ATTRIBUTES, _NODE_DOMAIN = 5, 7
_ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH, _ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS = 5, 6, 10, 11
_ATTRIBUTE_SPARSE, _ATTRIBUTE_SPARSES = 22, 23
_SPARSE_VALUES, _SPARSE_INDICES = 1, 2
_TENSOR_EXTERNAL, _TENSOR_LOCATION = 13, 14
_OPSET_DOMAIN, _OPSET_VERSION = 1, 2
_FUNCTION_NODES, _FUNCTION_OPSETS, _FUNCTION_DEFAULTS = 7, 9, 11
_ENUM_BITS = 2**32 - 1  # readers keep the low 32 bits of an enumeration


@dataclass(slots=True)
class Declaration:
    """What an ONNX file says about itself.

    Args:
        opsets: Operator domain to version; the standard domain is the empty string.
        domains: Domains of the nodes that are really there.
        nodes: Number of nodes, subgraphs included.
        external_data: Whether a tensor lies in another file.
        fields: Number of fields that were looked at.

    """

    opsets: dict[str, int] = field(default_factory=dict)
    domains: set[str] = field(default_factory=set)
    nodes: int = 0
    external_data: bool = False
    fields: int = 0


def inspect(model: bytes, *, path: Path) -> Declaration:
    """Read what a file declares.

    Args:
        model: The file's bytes.
        path: Where they come from, for the message.

    Raises:
        UnsafeModelError: The bytes are no ONNX model, or are built beyond the bounds.

    """
    found = Declaration()
    graphs = 0
    try:
        for number, value in _messages(memoryview(model), found):
            if number == _MODEL_GRAPH:
                graphs += 1
                _read_graph(value, found, depth=0)
            elif number == _MODEL_OPSETS:
                _read_opset(value, found)
            elif number == _MODEL_FUNCTIONS:
                _read_function(value, found)
            elif number == _MODEL_TRAINING:
                _read_training(value, found)
    except (WireError, UnicodeDecodeError) as error:
        raise UnsafeModelError(path, reason=f"is no ONNX model, or is cut short ({error})") from error
    except _OutOfBoundsError as error:
        raise UnsafeModelError(path, reason=str(error)) from error
    if graphs != 1:
        raise UnsafeModelError(path, reason=f"is no ONNX model (it has {graphs} graphs)")
    return found


def require_safe(model: bytes, *, path: Path) -> Declaration:
    """Inspect a file and refuse what must not reach the runtime.

    Raises:
        UnsafeModelError: It points at other files, needs foreign operators, or is no ONNX model.

    """
    found = inspect(model, path=path)
    if found.external_data:
        raise UnsafeModelError(
            path, reason="keeps tensors in other files (external data); export it into one file, "
            "for example with onnx.save_model(model, path, save_as_external_data=False)"
        )  # fmt: skip
    foreign = sorted(found.domains - TRUSTED_DOMAINS)
    if foreign:
        raise UnsafeModelError(
            path, reason=f"needs operators of {', '.join(foreign)}, which this service does not load"
        )
    return found


class _OutOfBoundsError(Exception):
    """The graph is larger or deeper than any classifier."""


def _fields(message: memoryview, found: Declaration) -> Iterator[Field]:
    for item in fields(message):
        found.fields += 1
        if found.fields > MAX_FIELDS:
            raise _OutOfBoundsError(f"has more than {MAX_FIELDS} fields")
        yield item


def _messages(message: memoryview, found: Declaration) -> Iterator[tuple[int, memoryview]]:
    """Yield only the fields that hold bytes."""
    for number, value in _fields(message, found):
        if isinstance(value, memoryview):
            yield number, value


def _text(value: memoryview) -> str:
    return bytes(value).decode()


def _read_opset(message: memoryview, found: Declaration) -> None:
    domain, version = "", 0
    for number, value in _fields(message, found):
        if number == _OPSET_DOMAIN and isinstance(value, memoryview):
            domain = _text(value)
        elif number == _OPSET_VERSION and isinstance(value, int):
            version = value
    found.opsets[domain] = version


def _read_graph(message: memoryview, found: Declaration, *, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _OutOfBoundsError(f"nests graphs more than {MAX_DEPTH} deep")
    for number, value in _messages(message, found):
        if number == _GRAPH_NODES:
            _read_node(value, found, depth=depth)
        elif number == _GRAPH_INITIALIZERS:
            _read_tensor(value, found)
        elif number == _GRAPH_SPARSE:
            _read_sparse(value, found)


def _read_function(message: memoryview, found: Declaration) -> None:
    for number, value in _messages(message, found):
        if number == _FUNCTION_NODES:
            _read_node(value, found, depth=0)
        elif number == _FUNCTION_OPSETS:
            _read_opset(value, found)
        elif number == _FUNCTION_DEFAULTS:
            _read_attribute(value, found, depth=0)


def _read_training(message: memoryview, found: Declaration) -> None:
    for number, value in _messages(message, found):
        if number in (_TRAINING_START, _TRAINING_STEP):
            _read_graph(value, found, depth=0)


def _read_node(message: memoryview, found: Declaration, *, depth: int) -> None:
    found.nodes += 1
    if found.nodes > MAX_NODES:
        raise _OutOfBoundsError(f"has more than {MAX_NODES} nodes")
    domain = ""
    for number, value in _messages(message, found):
        if number == _NODE_DOMAIN:
            domain = _text(value)
        elif number == _NODE_ATTRIBUTES:
            _read_attribute(value, found, depth=depth)
    found.domains.add(domain)


def _read_attribute(message: memoryview, found: Declaration, *, depth: int) -> None:
    for number, value in _messages(message, found):
        if number in (_ATTRIBUTE_TENSOR, _ATTRIBUTE_TENSORS):
            _read_tensor(value, found)
        elif number in (_ATTRIBUTE_SPARSE, _ATTRIBUTE_SPARSES):
            _read_sparse(value, found)
        elif number in (_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS):
            _read_graph(value, found, depth=depth + 1)


def _read_sparse(message: memoryview, found: Declaration) -> None:
    for number, value in _messages(message, found):
        if number in (_SPARSE_VALUES, _SPARSE_INDICES):
            _read_tensor(value, found)


def _read_tensor(message: memoryview, found: Declaration) -> None:
    for number, value in _fields(message, found):
        if number == _TENSOR_EXTERNAL or (number == _TENSOR_LOCATION and _is_external(value)):
            found.external_data = True


def _is_external(location: int | memoryview) -> bool:
    return not isinstance(location, int) or location & _ENUM_BITS == 1
