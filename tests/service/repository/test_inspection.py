"""An ONNX file tells its opsets and domains before the runtime sees it; what is unsafe or endless is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, helper

from service.errors import UnsafeModelError
from service.repository.inspection import MAX_DEPTH, MAX_FIELDS, MAX_NODES, Declaration, inspect, require_safe
from tests.model_folders import color_network, load_onnx
from tests.networks import network_proto, node
from tests.service.repository.onnx_files import PATH, damaged_models, length, nested, plain

FOREIGN_MODELS: Final = Path(os.environ.get("CONVSERVE_TEST_DATA", "../shared/data")) / "foreign-models"


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


def test_opsets_of_functions_are_declared() -> None:
    """A function brings its own imports."""
    model = plain()
    model.functions.add(name="f", domain="").opset_import.append(helper.make_opsetid("ai.onnx.ml", 3))
    assert inspect(model.SerializeToString(), path=PATH).opsets == {"": 20, "ai.onnx.ml": 3}


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
