"""An ONNX file tells its opsets, domains and external data before the runtime sees it; what is unsafe is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import pytest
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # no types are published with it
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto, helper

from service.errors import UnsafeModelError
from service.repository.inspection import MAX_DEPTH, MAX_FIELDS, MAX_NODES, Declaration, inspect, require_safe
from tests.model_folders import color_network, load_onnx
from tests.networks import network_proto, node

PATH: Final = Path("model.onnx")
FOREIGN_MODELS: Final = Path(os.environ.get("CONVSERVE_TEST_DATA", "../shared/data")) / "foreign-models"


def plain(**options: Any) -> ModelProto:
    """Make a network of one node."""
    return network_proto([node("Relu", ["input"], ["output"])], **options)


def external(name: str = "w") -> TensorProto:
    """Make a tensor whose values lie in another file."""
    tensor = TensorProto(name=name, data_type=1, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../../secret.bin")
    return tensor


def all_nodes(graph: GraphProto) -> list[NodeProto]:
    """List the nodes of a graph and of the graphs inside it, with the onnx package."""
    nodes = list(graph.node)
    for outer in graph.node:
        for attribute in outer.attribute:
            for inner in [attribute.g, *attribute.graphs]:
                nodes += all_nodes(inner)
    return nodes


def require_equal_to_onnx(data: bytes) -> Declaration:
    """Compare what we read with what the onnx package reads."""
    found, expected = inspect(data, path=PATH), load_onnx(data)
    assert found.opsets == {opset.domain: opset.version for opset in expected.opset_import}
    assert found.domains == {inner.domain for inner in all_nodes(expected.graph)}
    assert found.nodes == len(all_nodes(expected.graph))
    assert not found.external_data
    return found


@pytest.mark.parametrize("busy_work", [0, 3])
def test_a_file_declares_what_the_onnx_package_reads_in_it(busy_work: int) -> None:
    """Opsets, domains and the number of nodes, on networks that are served in other tests."""
    found = require_equal_to_onnx(color_network(busy_work=busy_work))
    assert found.opsets == {"": 20}


@pytest.mark.parametrize("name", ["cntk-mnist-opset8-batch1.onnx", "mobilenetv2-12-qdq.imagenet.onnx"])
def test_files_of_other_programs_declare_what_the_onnx_package_reads_in_them(name: str) -> None:
    """Networks exported by CNTK and quantised by ONNX Runtime's own tool are read alike."""
    path = FOREIGN_MODELS / name
    if not path.is_file():
        pytest.skip(f"{path} is not there; CONVSERVE_TEST_DATA names the folder that holds foreign-models")
    require_equal_to_onnx(path.read_bytes())
    require_safe(path.read_bytes(), path=path)


def test_nodes_in_subgraphs_count() -> None:
    """Both branches of an If belong to the network."""
    branch = helper.make_graph([node("Relu", ["input"], ["y"])], "b", [], [helper.make_tensor_value_info("y", 1, None)])
    choice = node("If", ["c"], ["output"], then_branch=branch, else_branch=branch)
    found = require_equal_to_onnx(network_proto([choice]).SerializeToString())
    assert found.nodes == 3


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


@pytest.mark.parametrize("domain", ["com.acme", "ai.onnx.contrib", "aten", "com.microsoft.extensions"])
def test_operators_of_a_foreign_domain_are_refused_by_name(domain: str) -> None:
    """They would need somebody's library in this process."""
    with pytest.raises(UnsafeModelError, match=f"needs operators of {domain}, which this service does not load"):
        require_safe(color_network(domain=domain), path=PATH)


def test_a_foreign_domain_in_a_subgraph_or_a_function_is_found_too() -> None:
    """Hiding the node deeper does not help."""
    hidden = NodeProto(op_type="Nothing", domain="com.acme")
    deep = plain()
    deep.graph.node[0].attribute.append(AttributeProto(name="g", g=GraphProto(node=[hidden])))
    function = plain()
    function.functions.add(name="f", domain="").node.append(hidden)
    for model in (deep, function):
        with pytest.raises(UnsafeModelError, match=r"com\.acme"):
            require_safe(model.SerializeToString(), path=PATH)


def test_an_opset_that_no_node_uses_is_declared_and_harmless() -> None:
    """Exporters import more domains than they need."""
    found = require_safe(plain(opsets={"": 17, "com.acme": 3}).SerializeToString(), path=PATH)
    assert found.opsets == {"": 17, "com.acme": 3}
    assert found.domains == {""}


def test_fields_that_nobody_asks_for_are_stepped_over() -> None:
    """What newer writers add to an opset, a sparse tensor or a training graph is no reason to refuse the file."""
    opset = b"\x10\x14" + b"\x7a\x03new"  # version 20, and field 15
    sparse = b"\x7a\x03new"
    graph = b"\x7a" + length(sparse) + sparse
    training = b"\xa2\x01" + length(sparse) + sparse
    data = b"\x42" + length(opset) + opset + training + b"\x3a" + length(graph) + graph
    found = inspect(data, path=PATH)
    assert (found.opsets, found.domains, found.nodes, found.external_data) == ({"": 20}, set(), 0, False)


def test_a_location_of_the_wrong_wire_type_counts_as_external() -> None:
    """Where readers may disagree, the file is refused."""
    tensor = b"\x72\x01x"
    graph = b"\x2a" + length(tensor) + tensor
    assert inspect(b"\x3a" + length(graph) + graph, path=PATH).external_data


def test_opsets_of_functions_are_declared() -> None:
    """A function brings its own imports."""
    model = plain()
    model.functions.add(name="f", domain="").opset_import.append(helper.make_opsetid("ai.onnx.ml", 3))
    assert inspect(model.SerializeToString(), path=PATH).opsets == {"": 20, "ai.onnx.ml": 3}


def nested(depth: int) -> bytes:
    """Put graphs into graphs."""
    graph = GraphProto(node=[NodeProto(op_type="Relu")])
    for _ in range(depth):
        graph = GraphProto(node=[NodeProto(op_type="If", attribute=[AttributeProto(name="g", g=graph)])])
    data: bytes = ModelProto(graph=graph).SerializeToString()
    return data


def test_graphs_nested_up_to_the_bound_pass_and_one_more_is_refused() -> None:
    """No classifier nests so deep; a file that does wants to exhaust the stack."""
    assert inspect(nested(MAX_DEPTH), path=PATH).nodes == MAX_DEPTH + 1
    with pytest.raises(UnsafeModelError, match=f"nests graphs more than {MAX_DEPTH} deep"):
        inspect(nested(MAX_DEPTH + 1), path=PATH)


def test_a_thousand_nested_graphs_do_not_exhaust_the_stack() -> None:
    """Built by hand, because the official encoder itself stops at a hundred."""
    message = b""
    for _ in range(1000):
        for key in (b"\x32", b"\x2a", b"\x0a"):  # attribute.g in node.attribute in graph.node
            message = key + length(message) + message
    with pytest.raises(UnsafeModelError, match="deep"):
        inspect(b"\x3a" + length(message) + message, path=PATH)


def length(message: bytes) -> bytes:
    """Encode the length of a message."""
    value, parts = len(message), bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def test_more_nodes_than_any_classifier_has_are_refused() -> None:
    """Two bytes make a node: a small file could otherwise keep the service busy for long."""
    graph = b"\x0a\x00" * (MAX_NODES + 1)
    with pytest.raises(UnsafeModelError, match=f"has more than {MAX_NODES} nodes"):
        inspect(b"\x3a" + length(graph) + graph, path=PATH)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it has 0 graphs"),
        (b"\x08\x0a", "it has 0 graphs"),
        (b"\x3a\x00\x3a\x00", "it has 2 graphs"),
        (b"This is no model.", "is no ONNX model"),
        (b"\x3a\x05abc", "a field is longer than its message"),
        (b"\x42\x03\x0a\x01\xff\x3a\x00", "is no ONNX model"),
    ],
    ids=["empty", "no graph", "two graphs", "text", "cut short", "domain that is no text"],
)
def test_what_is_no_onnx_model_is_refused_with_the_reason(data: bytes, message: str) -> None:
    """The path comes first, so that an operator knows which file."""
    with pytest.raises(UnsafeModelError, match=message) as caught:
        inspect(data, path=PATH)
    assert caught.value.path == PATH


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_a_declaration_or_a_refusal(data: bytes) -> None:
    """Nothing else is raised."""
    require_declaration_or_refusal(data)


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


@settings(max_examples=300, deadline=None)
@given(damaged_models())
def test_any_damage_to_a_model_gives_a_declaration_or_a_refusal(data: bytes) -> None:
    """Nothing else is raised, however the bytes were changed."""
    require_declaration_or_refusal(data)


def require_declaration_or_refusal(data: bytes) -> None:
    """Fail on every outcome but the two."""
    try:
        found = inspect(data, path=PATH)
    except UnsafeModelError:
        return
    assert found.nodes <= MAX_NODES


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


@pytest.mark.parametrize("wrap", [b"", b"\x2a\x3a"], ids=["file", "tensor in graph"])
def test_more_fields_than_any_classifier_has_are_refused_wherever_they_are(wrap: bytes) -> None:
    """Two bytes make a field that nobody asks for: a file of them must not keep the service busy for minutes."""
    message = b"\x78\x00" * (MAX_FIELDS + 1)
    for key in wrap:
        message = bytes([key]) + length(message) + message
    with pytest.raises(UnsafeModelError, match=f"has more than {MAX_FIELDS} fields"):
        inspect(message, path=PATH)


def test_fields_are_counted_in_every_message_that_is_looked_at() -> None:
    """Graph, node, its two names, its operator; then the opset, its version, and the version of the format."""
    graph = GraphProto(node=[NodeProto(op_type="Relu", input=["x"], output=["y"])])
    data = ModelProto(graph=graph, ir_version=10, opset_import=[helper.make_opsetid("", 20)]).SerializeToString()
    in_opset = 2  # domain and version
    assert inspect(data, path=PATH).fields == 1 + 3 + (1 + 1) + (1 + in_opset)
