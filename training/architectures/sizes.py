"""How large a feature map is after a convolution or a pooling: the formulas, free of any network.

Builders need them before a network exists (a fully connected layer must know how many numbers reach it), padding needs
them to keep a size, and `training.geometry` explains with them. They are computed here and compared with PyTorch in the
tests, never read off a forward pass.

Letters: W input size, K kernel size, P padding on one side, S stride, D dilation, O output size; all in pixels
along one axis. One widely read introduction prints the padding with a minus sign; it is a plus.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

PADDED_BELOW = 32  # smaller pictures are padded to this inside the first convolution where a flatten layer counts on it
HALVED_FROM = 64  # from here the adapted stem keeps one of its halvings, so that 64 pixels cost what 32 cost
PUBLISHED_FROM = 96  # from here on a network of large pictures keeps its published stem


def output_size(
    size: int, *, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1, ceil_mode: bool = False
) -> int:
    """Tell how many positions a window has along one axis: floor((W + 2P - D(K - 1) - 1) / S) + 1.

    Args:
        size: W, pixels of the input along the axis.
        kernel: K, pixels of the window.
        stride: S, pixels between two windows.
        padding: P, pixels added on each side.
        dilation: D, pixels between two taps of the window.
        ceil_mode: round up instead of down, but drop a last window that would start in the padding on the right.

    Returns:
        O, at least 1.

    Raises:
        ValueError: the window is larger than the padded input.
    """
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    if room < 0:
        raise ValueError(
            f"A window of {dilation * (kernel - 1) + 1} pixels does not fit into {size} pixels with {padding} of "
            "padding on each side; use a larger picture or a smaller kernel."
        )
    if not ceil_mode:
        return room // stride + 1
    positions = -(-room // stride) + 1
    return positions - 1 if (positions - 1) * stride >= size + padding else positions


def same_padding(size: int, *, kernel: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """Tell the padding before and after an axis that gives ceil(W / S) outputs; an odd pixel goes after.

    Args:
        size: W, pixels of the input along the axis.
        kernel: K, pixels of the window.
        stride: S, pixels between two windows.
        dilation: D, pixels between two taps of the window.

    Returns:
        Pixels before (left, top) and after (right, bottom).

    Source: the SAME rule of TensorFlow, which ONNX calls SAME_UPPER; for S = 1 and odd K it is (K - 1) / 2 on both
        sides.
    """
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)
    return total // 2, total - total // 2


def side_after(layers: Iterable[nn.Module], *, side: int) -> int:
    """Tell the side of the square feature map after plain square layers; others than convolutions and pools keep it.

    Args:
        layers: layers in the order they run.
        side: pixels of the square input.

    Returns:
        Pixels of the square output.
    """
    for layer in layers:
        if isinstance(layer, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)):
            side = output_size(
                side, kernel=_one(layer.kernel_size), stride=_one(layer.stride), padding=_one(layer.padding)
            )
    return side


def small_stem(input_size: int) -> tuple[int, int]:
    """Tell stride and extra padding of the first convolution of a network adapted to small pictures.

    Pictures below 32 pixels are padded to 32, those from 64 on are halved, so that 28, 32 and 64 pixels all give
    the maps of 32 and the published widths fit.

    Args:
        input_size: side of the picture in pixels.

    Returns:
        Stride, and pixels of padding on each side on top of the layer's own.
    """
    stride = 2 if input_size >= HALVED_FROM else 1
    return stride, max(0, (PADDED_BELOW - input_size + 1) // 2)


def _one(extent: int | tuple[int, ...] | str) -> int:
    """Read a square layer's option that PyTorch stores as a number or as a pair."""
    return int(extent[0] if isinstance(extent, tuple) else extent)
