"""Rules read a layer's options and word the formula with its numbers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training.architectures.lenet_1998 import C3_SOURCES, RadialBasis, SparseConv2d, Subsampling
from training.architectures.padding import SamePad2d
from training.architectures.pooling import MedianPool2d
from training.geometry.feature_map import FeatureMap
from training.geometry.layer_rules import Effect, rule_for


def _effect(layer: nn.Module, *shape: int) -> Effect:
    return rule_for(layer)(layer, FeatureMap(shape=shape))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("kernel", [1, 3, (1, 7)])
def test_convolution_has_one_weight_per_tap_and_input_and_one_bias(
    bias: bool, groups: int, kernel: int | tuple[int, int]
) -> None:
    """(F * F * inputs / groups + 1) * outputs, equal to what PyTorch stores."""
    layer = nn.Conv2d(8, 12, kernel, groups=groups, bias=bias)
    found = _effect(layer, 8, 9, 9)
    assert found.parameters == sum(weights.numel() for weights in layer.parameters())
    assert f"= {found.parameters:,}" in found.formulas[-2]


def test_convolution_words_its_options() -> None:
    """Window, stride, dilation, groups and padding, unequal axes as height x width."""
    layer = nn.Conv2d(4, 4, (1, 7), (2, 1), padding=(0, 3), dilation=2, groups=4)
    found = _effect(layer, 4, 20, 20)
    assert found.options == "1x7 window, stride 2x1, dilation 2, 4 groups"
    assert found.padding == "0x3"


@pytest.mark.parametrize(
    ("layer", "padding"),
    [
        (nn.MaxPool2d(3, 2), "valid"),
        (nn.MaxPool2d(3, 2, padding=1), "1"),
        (nn.AvgPool2d(3, 1, padding=1), "1 counted"),
        (nn.AvgPool2d(3, 1, padding=1, count_include_pad=False), "1 not counted"),
        (MedianPool2d(3), "valid"),
        (SamePad2d(4, mode="wrap"), "same: rows 1+2, columns 1+2, wrap"),
    ],
)
def test_padding_is_told_in_words(layer: nn.Module, padding: str) -> None:
    """How many pixels, and for averages whether they count."""
    assert _effect(layer, 2, 9, 9).padding == padding


def test_pool_rounded_up_says_so() -> None:
    """GoogLeNet's 112 become 56 only by rounding up."""
    found = _effect(nn.MaxPool2d(3, 2, ceil_mode=True), 64, 112, 112)
    assert found.output.shape == (64, 56, 56)
    assert "rounded up" in found.options
    assert found.formulas[0] == "height = ceil((112 + 2*0 - 1*(3 - 1) - 1) / 2) + 1 = 56"


def test_lenets_own_layers_have_their_published_counts() -> None:
    """1,516 in C3, 12 and 32 in S2 and S4, none in the output."""
    assert _effect(SparseConv2d(6, sources=C3_SOURCES, kernel_size=5), 6, 14, 14).parameters == 1_516
    assert _effect(Subsampling(6), 6, 28, 28).parameters == 12
    assert _effect(Subsampling(16), 16, 10, 10).parameters == 32
    assert _effect(RadialBasis(10), 84).parameters == 0


def test_layer_for_maps_refuses_flattened_numbers() -> None:
    """A convolution after `Flatten` is a mistake in the network."""
    with pytest.raises(ValueError, match="needs channels, height and width, and gets 100 flattened"):
        _effect(nn.MaxPool2d(2), 100)


def test_pool_to_several_windows_has_no_formula() -> None:
    """Adaptive pooling to 6x6 has windows of unequal sizes."""
    with pytest.raises(TypeError, match="several sizes"):
        _effect(nn.AdaptiveAvgPool2d(6), 4, 13, 13)


def test_rule_of_a_subclass_is_that_of_its_parent() -> None:
    """A convolution with another name is a convolution."""

    class Named(nn.Conv2d):
        pass

    assert _effect(Named(1, 1, 3), 1, 5, 5).output.shape == (1, 3, 3)


def test_rules_read_options_and_never_numbers() -> None:
    """They work on the meta device, where there are none."""
    with torch.device("meta"):
        layer = nn.Conv2d(3, 4, 3)
    assert _effect(layer, 3, 8, 8).parameters == 112
