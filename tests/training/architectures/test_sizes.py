"""Output sizes and paddings by formula equal what PyTorch's layers give."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional

from training.architectures.sizes import output_size, same_padding, side_after, small_stem

GRID = list(itertools.product((7, 12, 28), (1, 2, 3, 5), (1, 2, 3), (0, 1, 2), (1, 2)))


def test_output_size_equals_that_of_pytorchs_convolution_over_a_grid() -> None:
    """Every combination of size, kernel, stride, padding and dilation agrees, refusals included."""
    for size, kernel, stride, padding, dilation in GRID:
        layer = nn.Conv2d(1, 1, kernel, stride, padding, dilation, device="meta")
        picture = torch.empty(1, 1, size, size, device="meta")
        if dilation * (kernel - 1) + 1 > size + 2 * padding:
            with pytest.raises(ValueError, match="does not fit"):
                output_size(size, kernel=kernel, stride=stride, padding=padding, dilation=dilation)
        else:
            side = output_size(size, kernel=kernel, stride=stride, padding=padding, dilation=dilation)
            assert layer(picture).shape == (1, 1, side, side)


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_output_size_equals_that_of_pytorchs_pooling_over_a_grid(ceil_mode: bool) -> None:
    """Rounded up or down, and without a last window that would start in the padding."""
    for size, kernel, stride, padding, dilation in GRID:
        if 2 * padding > kernel or dilation * (kernel - 1) + 1 > size:
            continue  # PyTorch refuses the first, and the second is the convolution's test
        layer = nn.MaxPool2d(kernel, stride, padding, dilation, ceil_mode=ceil_mode)
        side = output_size(size, kernel=kernel, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode)
        assert layer(torch.zeros(1, 1, size, size)).shape[-1] == side


@pytest.mark.parametrize(("size", "expected"), [(28, 26), (5, 3), (3, 1)])
def test_valid_3x3_window_loses_two_pixels(size: int, expected: int) -> None:
    """One row on each side, not one in all."""
    assert output_size(size, kernel=3) == expected


def test_padding_adds_to_the_output() -> None:
    """The sign of P is a plus: 227 pixels, 11x11 at stride 4, give 55, and two pixels of padding give 56."""
    assert output_size(227, kernel=11, stride=4) == 55
    assert output_size(227, kernel=11, stride=4, padding=2) == 56


def test_same_padding_gives_one_output_per_stride_over_a_grid() -> None:
    """The padded row gives ceil(size / stride) outputs, and the second half is never the smaller."""
    for size, kernel, stride, _, dilation in GRID:
        before, after = same_padding(size, kernel=kernel, stride=stride, dilation=dilation)
        padded = functional.pad(torch.zeros(1, 1, size, size), (before, after, before, after))
        layer = nn.Conv2d(1, 1, kernel, stride, dilation=dilation)
        assert layer(padded).shape[-1] == -(-size // stride)
        assert after - before in {0, 1}


def test_same_padding_of_an_odd_window_at_stride_1_is_half_of_it() -> None:
    """(F - 1) / 2 on both sides."""
    assert [same_padding(28, kernel=kernel) for kernel in (1, 3, 5, 11)] == [(0, 0), (1, 1), (2, 2), (5, 5)]


def test_side_after_follows_convolutions_and_pools_and_ignores_the_rest() -> None:
    """AlexNet's first layers: 224, 55, 27."""
    layers = [nn.Conv2d(3, 96, 11, 4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)]
    assert side_after(layers, side=224) == 27


@pytest.mark.parametrize(("size", "stride", "padding"), [(28, 1, 2), (32, 1, 0), (48, 1, 0), (64, 2, 0)])
def test_small_stem_brings_28_32_and_64_pixels_to_32(size: int, stride: int, padding: int) -> None:
    """28 is padded, 64 is halved, what lies between keeps its size."""
    assert small_stem(size) == (stride, padding)
    if size != 48:
        assert output_size(size, kernel=3, stride=stride, padding=1 + padding) == 32
