"""ZFNet has the maps of its figure, and pools before it normalises."""

from __future__ import annotations

import torch

from training.architectures import build
from training.geometry.measure import measure


def test_maps_are_those_of_figure_3() -> None:
    """110, 55, 26, 13 and 6 pixels."""
    with torch.device("meta"):
        network = build("zfnet")
    shapes = {layer.name: layer.output_shape for layer in measure(network, input_shape=(3, 224, 224)).layers}
    names = ("conv1", "pool1", "conv2", "pool2", "conv5", "pool5")
    assert [shapes[name][1] for name in names] == [110, 55, 26, 13, 13, 6]


def test_pool_comes_before_response_normalisation() -> None:
    """Other than in AlexNet."""
    kinds = [type(layer).__name__ for layer in build("zfnet", input_size=32).children()]
    assert kinds[:8] == ["Conv2d", "ReLU", "MaxPool2d", "LocalResponseNorm"] * 2
