"""`training.quantization.sharing`: equal weights are stored once, and the answers stay what they were."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
from onnx import helper, numpy_helper

from service.engine.session import Session
from tests.networks import network_proto, node
from training.quantization import Quantized
from training.quantization.sharing import share_equal_weights


def _twice(second: float) -> onnx.ModelProto:
    """Multiply by two matrices that are stored apart."""
    matrix = np.arange(9, dtype=np.float32).reshape(3, 3)
    nodes = [node("MatMul", ["input", "one"], ["between"]), node("MatMul", ["between", "two"], ["output"])]
    return network_proto(nodes, weights={"one": matrix, "two": matrix * np.float32(second)})


def test_equal_tensors_are_stored_once_and_give_the_same_answers() -> None:
    """Both nodes use the first of the two."""
    model = _twice(1.0)
    shared = share_equal_weights(model)
    assert [tensor.name for tensor in shared.graph.initializer] == ["one"]
    assert [list(one.input) for one in shared.graph.node] == [["input", "one"], ["between", "one"]]
    row = np.array([[1, -2, 3]], np.float32)
    before, after = (
        Session.load(one.SerializeToString(), input_name="input", output_name="output").run(row)
        for one in (model, shared)
    )
    assert np.array_equal(before, after)
    assert len(model.graph.initializer) == 2


def test_tensors_that_differ_or_have_another_shape_stay() -> None:
    """Equal bytes in another shape or type are something else."""
    assert len(share_equal_weights(_twice(2.0)).graph.initializer) == 2
    model = _twice(2.0)
    flat = numpy_helper.from_array(np.arange(9, dtype=np.float32), "flat")
    model.graph.initializer.append(flat)
    assert "flat" in [tensor.name for tensor in share_equal_weights(model).graph.initializer]


def test_weight_is_unpacked_once() -> None:
    """Two nodes that turn the same whole numbers back become one; another scale stays apart."""
    whole = np.arange(9, dtype=np.int8).reshape(3, 3)
    nodes = [
        node("DequantizeLinear", ["w1", "s1"], ["m1"], name="d1"),
        node("DequantizeLinear", ["w2", "s2"], ["m2"], name="d2"),
        node("DequantizeLinear", ["w2", "s3"], ["m3"], name="d3"),
        node("MatMul", ["input", "m1"], ["a"]),
        node("MatMul", ["a", "m2"], ["b"]),
        node("MatMul", ["b", "m3"], ["output"]),
    ]
    scales = {name: np.array(value, np.float32) for name, value in (("s1", 0.5), ("s2", 0.5), ("s3", 0.25))}
    shared = share_equal_weights(network_proto(nodes, weights={"w1": whole, "w2": whole.copy(), **scales}))
    assert [one.name for one in shared.graph.node if one.op_type == "DequantizeLinear"] == ["d1", "d3"]
    assert sorted(tensor.name for tensor in shared.graph.initializer) == ["s1", "s3", "w1"]


def test_graph_with_graphs_inside_is_left_alone() -> None:
    """A branch uses weights of the outside by name, so none of them may go."""
    branch = helper.make_graph(
        [node("Identity", ["two"], ["chosen"])], "branch", [], [helper.make_tensor_value_info("chosen", 1, (3, 3))]
    )
    model = _twice(1.0)
    model.graph.node.append(node("If", ["condition"], ["picked"], then_branch=branch, else_branch=branch))
    assert len(share_equal_weights(model).graph.initializer) == 2


def test_network_that_looks_twice_stores_its_weights_once(int8: Quantized) -> None:
    """Quantised as well: six convolutions, three sets of weights."""
    assert int8.network is not None
    graph = onnx.load_model_from_string(int8.network).graph
    assert sum(one.op_type == "Conv" for one in graph.node) == 6
    shapes = Counter(tuple(tensor.dims) for tensor in graph.initializer if len(tensor.dims) == 4)
    assert shapes == {(8, 1, 2, 2): 1, (16, 8, 3, 3): 1, (48, 16, 3, 3): 1}
