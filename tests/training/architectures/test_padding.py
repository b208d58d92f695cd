"""Each padding fills as image processing defines it, keeps the size it promises and exports."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch
from torch import nn

from training.architectures.padding import PaddingMode, SamePad2d, padded_conv

NUMPY_MODES = {"constant": "constant", "nearest": "edge", "mirror": "reflect", "wrap": "wrap"}


@pytest.mark.parametrize("mode", get_args(PaddingMode))
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (5, 1), (4, 1), (5, 2), (3, 2)])
def test_same_padding_equals_numpys(mode: PaddingMode, kernel: int, stride: int) -> None:
    """Rows and columns that differ, odd and even windows, with and without stride."""
    picture = torch.arange(7.0 * 8).reshape(1, 1, 7, 8)
    layer = SamePad2d(kernel, stride=stride, mode=mode)
    padded = layer(picture)[0, 0].numpy()
    amounts = (layer.amounts(7), layer.amounts(8))
    np.testing.assert_array_equal(padded, np.pad(picture[0, 0].numpy(), amounts, mode=NUMPY_MODES[mode]))  # type: ignore[call-overload]  # the overloads want a literal


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("constant", "00abcd00"), ("nearest", "aaabcddd"), ("mirror", "cbabcdcb"), ("wrap", "cdabcdab")],
)
def test_modes_are_those_of_image_processing(mode: PaddingMode, expected: str) -> None:
    """The row a b c d with two more on each side, as the textbooks draw it."""
    row = torch.tensor([1.0, 2.0, 3.0, 4.0]).reshape(1, 1, 1, 4).expand(1, 1, 4, 4)
    padded = SamePad2d(5, mode=mode)(row)[0, 0, 3]
    assert "".join("0abcd"[int(value)] for value in padded) == expected


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [9, 16])
def test_same_convolution_gives_one_output_per_stride(size: int, stride: int) -> None:
    """ceil(size / stride), which PyTorch's own layer refuses for strides above 1."""
    layer = padded_conv(1, 2, 3, stride=stride, padding="same", mode="nearest")
    side = -(-size // stride)
    assert layer(torch.zeros(1, 1, size, size)).shape == (1, 2, side, side)


def test_valid_convolution_pads_nothing() -> None:
    """A 3x3 window on 9 pixels leaves 7."""
    assert padded_conv(1, 1, 3, padding="valid")(torch.zeros(1, 1, 9, 9)).shape[-1] == 7


def test_same_convolution_at_stride_1_equals_pytorchs() -> None:
    """With zeros and an odd window it is `padding="same"` of torch."""
    picture = torch.randn(2, 3, 8, 8)
    ours, theirs = padded_conv(3, 4, 5), nn.Conv2d(3, 4, 5, padding="same")
    theirs.load_state_dict(ours[1].state_dict())
    torch.testing.assert_close(ours(picture), theirs(picture))
