"""`training.quantization.folding`: normalisation changes places with max pooling where that changes no answer."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from service.engine.session import Session
from tests.networks import network_proto, node
from training.quantization.folding import move_normalization_before_pooling


def _pooled(factors: tuple[float, float], *, also_used: bool = False) -> onnx.ModelProto:
    """Pool two channels, then normalise them."""
    outputs: dict[str, tuple[int | str, ...]] = {"output": ("n", 2, 2, 2)}
    nodes = [
        node("MaxPool", ["input"], ["pooled"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
        node("BatchNormalization", ["pooled", "factor", "offset", "mean", "variance"], ["output"], name="norm"),
    ]
    if also_used:
        nodes.append(node("Identity", ["pooled"], ["other"]))
        outputs["other"] = ("n", 2, 2, 2)
    weights = {
        "factor": np.array(factors, np.float32),
        "offset": np.array([1, -1], np.float32),
        "mean": np.array([0.5, -0.5], np.float32),
        "variance": np.array([2, 0.5], np.float32),
    }
    return network_proto(nodes, inputs={"input": ("n", 2, 4, 4)}, outputs=outputs, weights=weights)


def _order(model: onnx.ModelProto) -> list[str]:
    return [one.name for one in model.graph.node][:2]


def test_normalisation_moves_in_front_and_every_value_stays() -> None:
    """With positive factors the largest value stays the largest."""
    model = _pooled((0.7, 3.0))
    moved = move_normalization_before_pooling(model)
    assert _order(model) == ["pool", "norm"]
    assert _order(moved) == ["norm", "pool"]
    onnx.checker.check_model(moved, full_check=True)
    images_NCHW = np.random.default_rng(0).standard_normal((3, 2, 4, 4)).astype(np.float32)
    before, after = (
        Session.load(one.SerializeToString(), input_name="input", output_name="output").run(images_NCHW)
        for one in (model, moved)
    )
    assert np.array_equal(before, after)


@pytest.mark.parametrize("factors", [(0.7, -3.0), (0.7, 0.0)])
def test_factor_that_is_not_positive_keeps_the_order(factors: tuple[float, float]) -> None:
    """A negative factor makes the smallest value the largest."""
    assert _order(move_normalization_before_pooling(_pooled(factors))) == ["pool", "norm"]


def test_pooled_values_that_somebody_else_uses_keep_the_order() -> None:
    """They would get normalised ones."""
    assert _order(move_normalization_before_pooling(_pooled((1.0, 1.0), also_used=True))) == ["pool", "norm"]
