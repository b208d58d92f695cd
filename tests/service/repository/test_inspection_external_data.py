"""A tensor that lies in another file is found wherever it hides, and refuses the file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import onnx
import pytest
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # no types are published with it
from hypothesis import given, settings
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto

from service.errors import UnsafeModelError
from service.repository.inspection import inspect, require_safe
from tests.model_folders import load_onnx
from tests.networks import network_proto, node
from tests.service.repository.onnx_files import PATH, damaged_models, length, plain


def external(name: str = "w") -> TensorProto:
    """Make a tensor whose values lie in another file."""
    tensor = TensorProto(name=name, data_type=1, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../../secret.bin")
    return tensor


def in_initializer(model: ModelProto) -> None:
    """Put it where weights usually lie."""
    model.graph.initializer.append(external())


def in_sparse_values(model: ModelProto) -> None:
    """Put it into the values of a sparse weight."""
    model.graph.sparse_initializer.append(SparseTensorProto(values=external(), indices=TensorProto(), dims=[1]))


def in_sparse_indices(model: ModelProto) -> None:
    """Put it into the indices of a sparse weight."""
    model.graph.sparse_initializer.append(SparseTensorProto(values=TensorProto(), indices=external(), dims=[1]))


def attribute(**fields: Any) -> Callable[[ModelProto], None]:
    """Put it into an attribute of a node."""

    def change(model: ModelProto) -> None:
        model.graph.node[0].attribute.append(AttributeProto(name="a", **fields))

    return change


def in_function_body(model: ModelProto) -> None:
    """Put it into a node of a function that the file defines."""
    function = model.functions.add(name="f", domain="")
    function.node.add(op_type="Constant").attribute.append(AttributeProto(name="value", t=external()))


def in_function_default(model: ModelProto) -> None:
    """Put it into the default value of a function's attribute."""
    model.functions.add(name="f", domain="").attribute_proto.append(AttributeProto(name="a", t=external()))


def in_training_graph(model: ModelProto) -> None:
    """Put it into the graph that would train the network further."""
    model.training_info.add().algorithm.initializer.append(external())


def in_training_start(model: ModelProto) -> None:
    """Put it into the graph that would set the network up for training."""
    model.training_info.add().initialization.initializer.append(external())


SUBGRAPH: Final = GraphProto(initializer=[external()])
SPARSE: Final = SparseTensorProto(values=external())
PLACES: Final[dict[str, Callable[[ModelProto], None]]] = {
    "initializer": in_initializer,
    "sparse values": in_sparse_values,
    "sparse indices": in_sparse_indices,
    "attribute tensor": attribute(t=external()),
    "attribute tensors": attribute(tensors=[TensorProto(), external()]),
    "attribute sparse tensor": attribute(sparse_tensor=SPARSE),
    "attribute sparse tensors": attribute(sparse_tensors=[SPARSE]),
    "subgraph": attribute(g=SUBGRAPH),
    "subgraphs": attribute(graphs=[GraphProto(), SUBGRAPH]),
    "subgraph in a subgraph": attribute(
        g=GraphProto(node=[NodeProto(attribute=[AttributeProto(name="g", g=SUBGRAPH)])])
    ),
    "function": in_function_body,
    "default of a function": in_function_default,
    "training graph": in_training_graph,
    "training start": in_training_start,
}


@pytest.mark.parametrize("place", PLACES)
def test_external_data_is_found_wherever_a_tensor_may_be(place: str) -> None:
    """Each place where the format allows a tensor is looked at, and the file is refused with what to do."""
    model = plain()
    PLACES[place](model)
    data = model.SerializeToString()
    assert inspect(data, path=PATH).external_data
    with pytest.raises(UnsafeModelError, match=r"external data.*save_as_external_data=False"):
        require_safe(data, path=PATH)


def test_a_tensor_that_merely_says_where_it_lies_is_enough() -> None:
    """The location alone, the list of entries alone: either one refuses the file."""
    only_location = external()
    only_location.ClearField("external_data")
    only_entries = external()
    only_entries.ClearField("data_location")
    for tensor in (only_location, only_entries):
        model = plain()
        model.graph.initializer.append(tensor)
        assert inspect(model.SerializeToString(), path=PATH).external_data


def test_a_location_written_in_more_bits_than_it_needs_is_the_same_location() -> None:
    """2**32 + 1 is 1 to readers that keep 32 bits, the onnx package among them."""
    tensor = external()
    tensor.ClearField("external_data")
    tensor.ClearField("data_location")
    odd = tensor.SerializeToString() + b"\x70" + bytes([0x81, 0x80, 0x80, 0x80, 0x10])
    assert TensorProto.FromString(odd).data_location == TensorProto.EXTERNAL
    model = plain()
    graph = model.graph.SerializeToString() + b"\x2a" + bytes([len(odd)]) + odd
    assert inspect(b"\x3a" + bytes([len(graph)]) + graph, path=PATH).external_data


def test_a_location_of_the_wrong_wire_type_counts_as_external() -> None:
    """Where readers may disagree, the file is refused."""
    tensor = b"\x72\x01x"
    graph = b"\x2a" + length(tensor) + tensor
    assert inspect(b"\x3a" + length(graph) + graph, path=PATH).external_data


def test_a_field_number_that_the_runtime_would_cut_to_another_is_refused() -> None:
    """ONNX Runtime reads field 13 + 2**29 of a tensor as field 13, external data; here it is no ONNX model."""
    tensor = TensorProto(name="w", data_type=1, dims=[1]).SerializeToString() + bytes([0xEA, 0x80, 0x80, 0x80, 0x10, 0])
    graph = b"\x2a" + bytes([len(tensor)]) + tensor
    with pytest.raises(UnsafeModelError, match="field number"):
        inspect(b"\x3a" + bytes([len(graph)]) + graph, path=PATH)


def test_weights_inside_the_file_are_no_external_data() -> None:
    """Ordinary tensors, in initializers and attributes, pass."""
    constant = node("Constant", [], ["output"], value=onnx.numpy_helper.from_array(np.zeros(5, np.float32)))
    model = network_proto([constant], weights={"w": np.ones((3, 3), np.float32)})
    model.graph.initializer[0].data_location = TensorProto.DEFAULT
    assert not require_safe(model.SerializeToString(), path=PATH).external_data


@settings(max_examples=300, deadline=None)
@given(damaged_models())
def test_damage_never_hides_external_data_that_the_onnx_package_still_sees(data: bytes) -> None:
    """Whenever the official reader finds external data in a damaged file, so do we, or we refuse the file."""
    try:
        expected = load_onnx(data)
    except DecodeError:
        return
    location_is_external = [tensor.data_location == TensorProto.EXTERNAL for tensor in expected.graph.initializer]
    if any(location_is_external):
        with pytest.raises(UnsafeModelError):
            require_safe(data, path=PATH)
