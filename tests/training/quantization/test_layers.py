"""`training.quantization.layers`: what is a layer, which come first and last, and what lies between."""

from __future__ import annotations

import numpy as np

from tests.networks import network_proto, node
from training.quantization.layers import Layer, find_layers, with_names


def test_layers_and_what_lies_between_are_told_apart() -> None:
    """A sum of two branches carries whole numbers; the offset, the part before and the part behind do not."""
    one = np.ones((3, 3, 1, 1), np.float32)
    nodes = [
        node("Slice", ["input", "start", "end"], ["cut"], name="before"),
        node("Conv", ["cut", "w1"], ["a"], name="first"),
        node("Conv", ["a", "w2"], ["b"], name="second"),
        node("Add", ["a", "b"], ["c"], name="sum of branches"),
        node("Add", ["c", "offset"], ["d"], name="offset"),
        node("Conv", ["d", "w3"], ["e"], name="third"),
        node("Add", ["e", "e"], ["output"], name="behind"),
    ]
    weights = {"w1": one, "w2": one * 2, "w3": one * 3, "offset": np.ones(1, np.float32)}
    weights |= {"start": np.array([0]), "end": np.array([9])}
    shape = ("n", 3, 4, 4)
    found = find_layers(network_proto(nodes, weights=weights, inputs={"input": shape}, outputs={"output": shape}))
    assert [layer.node for layer in found.all] == ["first", "second", "third"]
    assert [layer.weight for layer in found.first] == ["w1"]
    assert [layer.weight for layer in found.last] == ["w3"]
    assert found.carriers == ("sum of branches",)


def test_product_of_two_tensors_is_no_layer() -> None:
    """Without weights there is nothing to store in fewer bits."""
    nodes = [node("MatMul", ["input", "input"], ["output"], name="square")]
    assert find_layers(network_proto(nodes, inputs={"input": (3, 3)}, outputs={"output": (3, 3)})).all == ()


def test_layer_goes_by_the_name_that_it_had_before_folding() -> None:
    """The runtime renames weights that took normalisation in, those of the second look once more."""
    assert str(Layer("n", "Conv", "ConvBnFusion_W_features.2.weight_token_4")) == "features.2.weight (Conv)"
    assert str(Layer("n", "Gemm", "head.weight")) == "head.weight (Gemm)"


def test_every_node_gets_a_name_of_its_own() -> None:
    """Names that are missing or taken are made up; the others stay."""
    nodes = [
        node("Relu", ["input"], ["a"], name="r"),
        node("Relu", ["a"], ["b"], name="r"),
        node("Relu", ["b"], ["output"]),
    ]
    names = [one.name for one in with_names(network_proto(nodes)).graph.node]
    assert names[0] == "r"
    assert len(set(names)) == 3
    assert all(names)
