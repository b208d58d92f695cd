"""Inception-ResNet v2 scales its residuals as released, the last one excepted."""

from __future__ import annotations

import torch
from torch import nn

from training.architectures import build
from training.architectures.blocks import Residual
from training.geometry.measure import measure


def _blocks() -> list[Residual]:
    with torch.device("meta"):
        network = build("inception_resnet_v2")
    return [layer for layer in network.modules() if isinstance(layer, Residual)]


def test_blocks_are_ten_twenty_and_ten_with_their_scales() -> None:
    """0.17, 0.10 and 0.20; the last block is not scaled."""
    assert [block.scale for block in _blocks()] == [0.17] * 10 + [0.10] * 20 + [0.20] * 9 + [1.0]


def test_last_block_is_not_rectified() -> None:
    """All others are."""
    assert [isinstance(block.relu, nn.ReLU) for block in _blocks()] == [True] * 39 + [False]


def test_widening_convolutions_have_a_bias_and_no_normalisation() -> None:
    """The only biased convolutions of the network."""
    for block in _blocks():
        assert isinstance(block.body, nn.Sequential)
        widening = block.body[-1]
        assert isinstance(widening, nn.Conv2d)
        assert widening.bias is not None


def test_grids_are_those_of_the_released_network() -> None:
    """320, 1,088 and 2,080 channels, then 1,536 for the classifier."""
    with torch.device("meta"):
        network = build("inception_resnet_v2")
    shapes = {layer.name: layer.output_shape for layer in measure(network, input_shape=(3, 299, 299)).layers}
    names = ("mixed_5b", "reduction_a", "reduction_b", "conv7.0.relu")
    assert [shapes[name] for name in names] == [(320, 35, 35), (1088, 17, 17), (2080, 8, 8), (1536, 8, 8)]
