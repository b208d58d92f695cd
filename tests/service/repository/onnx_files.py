"""ONNX files that are odd on purpose: what the tests of the inspection have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto

from tests.model_folders import color_network
from tests.networks import network_proto, node

PATH: Final = Path("model.onnx")


def plain(**options: Any) -> ModelProto:
    """Make a network of one node."""
    return network_proto([node("Relu", ["input"], ["output"])], **options)


def length(message: bytes) -> bytes:
    """Encode the length of a message."""
    value, parts = len(message), bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def nested(depth: int) -> bytes:
    """Put graphs into graphs."""
    graph = GraphProto(node=[NodeProto(op_type="Relu")])
    for _ in range(depth):
        graph = GraphProto(node=[NodeProto(op_type="If", attribute=[AttributeProto(name="g", g=graph)])])
    data: bytes = ModelProto(graph=graph).SerializeToString()
    return data


@st.composite
def damaged_models(draw: st.DrawFn) -> bytes:
    """Change, cut, double or insert bytes of real files."""
    data = bytearray(draw(st.sampled_from([color_network(), color_network(external_data="w.bin"), nested(3)])))
    for _ in range(draw(st.integers(1, 8))):
        place = draw(st.integers(0, len(data) - 1))
        match draw(st.sampled_from(["change", "change", "cut", "double", "insert"])):
            case "change":
                data[place] = draw(st.integers(0, 255))
            case "cut":
                del data[max(1, place) :]
            case "double":
                data[place:place] = data[place : place + 16]
            case _:
                data[place:place] = draw(st.binary(min_size=1, max_size=8))
    return bytes(data)
