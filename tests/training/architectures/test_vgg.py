"""VGG's columns are the rows of 3x3 windows that the paper's table lists."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from training.architectures import build

WIDTHS = {
    "vgg11": "64 M 128 M 256 256 M 512 512 M 512 512 M",
    "vgg13": "64 64 M 128 128 M 256 256 M 512 512 M 512 512 M",
    "vgg16_c": "64 64 M 128 128 M 256 256 256/1 M 512 512 512/1 M 512 512 512/1 M",
    "vgg16": "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M",
    "vgg19": "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M",
}


@pytest.mark.parametrize("name", WIDTHS)
def test_column_is_that_of_table_1(name: str) -> None:
    """Filters in order, M for a pool, /1 for a 1x1 window."""
    with torch.device("meta"):
        network = build(name)
    words = []
    for layer in network.children():
        if isinstance(layer, nn.Conv2d):
            words.append(f"{layer.out_channels}" + ("/1" if layer.kernel_size == (1, 1) else ""))
        elif isinstance(layer, nn.MaxPool2d):
            words.append("M")
    assert " ".join(words) == WIDTHS[name]


@pytest.mark.parametrize(("name", "layers"), [("vgg11", 11), ("vgg13", 13), ("vgg16", 16), ("vgg19", 19)])
def test_name_counts_the_layers_with_weights(name: str, layers: int) -> None:
    """Convolutions and fully connected layers, normalisation left aside."""
    with torch.device("meta"):
        network = build(f"{name}_bn")
    assert sum(isinstance(layer, (nn.Conv2d, nn.Linear)) for layer in network.modules()) == layers


def test_normalised_form_keeps_the_biases() -> None:
    """As the published counts do; each convolution is followed by its normalisation."""
    with torch.device("meta"):
        layers = list(build("vgg13_bn").children())
    for layer, following in itertools.pairwise(layers):
        if isinstance(layer, nn.Conv2d):
            assert layer.bias is not None
            assert isinstance(following, nn.BatchNorm2d)
