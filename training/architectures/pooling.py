"""Median pooling; maximum and average are PyTorch's own.

All three keep one number of each window and have no weights. The maximum keeps the strongest sign of a feature, the
average how much of it there is, the median what is typical, which a single noisy pixel cannot change.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MedianPool2d(nn.Module):
    """Keeps the median of each window; of a window with an even number of pixels the mean of the two in the middle.

    Args:
        kernel_size: side of the window in pixels.
        stride: pixels between two windows; the side of the window where None.
    """

    def __init__(self, kernel_size: int, stride: int | None = None) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = 0

    def forward(self, maps_NCHW: Tensor) -> Tensor:
        """Pool without padding."""
        # Shifted copies instead of `unfold`, and `topk` instead of `median`, because those two have no ONNX operator.
        reach = [(size - self.kernel_size) // self.stride * self.stride + 1 for size in maps_NCHW.shape[2:]]
        window = range(self.kernel_size)
        shifted = [
            maps_NCHW[:, :, row : row + reach[0] : self.stride, column : column + reach[1] : self.stride]
            for row in window
            for column in window
        ]
        pixels = len(shifted)
        lower_half = torch.stack(shifted, dim=-1).topk(pixels // 2 + 1, dim=-1, largest=False).values
        return lower_half[..., -1] if pixels % 2 else lower_half[..., -2:].mean(dim=-1)

    def extra_repr(self) -> str:
        """Show the options in the printed network."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}"
