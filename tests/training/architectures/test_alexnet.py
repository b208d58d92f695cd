"""AlexNet has the maps and counts of its paper, and both cards' groups."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training.architectures import build
from training.geometry.measure import measure


@pytest.mark.parametrize("side", [224, 227])
def test_maps_are_those_of_the_paper(side: int) -> None:
    """55, 27, 13, 13, 13 and 6 pixels, whether 224 pixels are padded or 227 are not."""
    with torch.device("meta"):
        network = build("alexnet_2012", input_size=side)
    shapes = {layer.name: layer.output_shape for layer in measure(network, input_shape=(3, side, side)).layers}
    assert [shapes[f"conv{number}"] for number in range(1, 6)] == [
        (96, 55, 55),
        (256, 27, 27),
        (384, 13, 13),
        (384, 13, 13),
        (256, 13, 13),
    ]
    assert shapes["pool5"] == (256, 6, 6)


def test_parameters_of_each_layer_are_those_of_the_paper() -> None:
    """Three quarters of them sit in fc6 and fc7 and fc8's 4 million besides."""
    with torch.device("meta"):
        network = build("alexnet_2012")
    counts = [sum(weights.numel() for weights in layer.parameters()) for layer in network.children()]
    assert [count for count in counts if count] == [
        34_944,
        307_456,
        885_120,
        663_936,
        442_624,
        37_752_832,
        16_781_312,
        4_097_000,
    ]


def test_response_normalisation_comes_after_rectification_and_before_pooling() -> None:
    """The order of the paper; Caffe's copy has the two the other way round."""
    kinds = [type(layer).__name__ for layer in build("alexnet_2012", input_size=32).children()]
    assert kinds[:8] == ["Conv2d", "ReLU", "LocalResponseNorm", "MaxPool2d"] * 2


def test_groups_keep_the_cards_apart() -> None:
    """The first half of conv2's filters does not see the second half of its input."""
    conv2 = build("alexnet_2012", input_size=32).get_submodule("conv2")
    maps_NCHW = torch.randn(1, 96, 5, 5)
    changed = maps_NCHW.clone()
    changed[:, 48:] += 1
    one, other = conv2(maps_NCHW), conv2(changed)
    assert torch.equal(one[:, :128], other[:, :128])
    assert not torch.allclose(one[:, 128:], other[:, 128:])


def test_dropout_is_an_option() -> None:
    """Both hidden layers share the rate."""
    rates = [
        layer.p for layer in build("alexnet", input_size=96, dropout=0.2).modules() if isinstance(layer, nn.Dropout)
    ]
    assert rates == [0.2, 0.2]
