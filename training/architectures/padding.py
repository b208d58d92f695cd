"""What a window sees beyond the edge of the picture: four ways to fill, and how much.

| name here | along a row a b c d | PyTorch | NumPy |
|---|---|---|---|
| constant | 0 0 a b c d 0 0 | constant | constant |
| nearest | a a a b c d d d | replicate | edge |
| mirror | c b a b c d c b | reflect | reflect |
| wrap | c d a b c d a b | circular | wrap |

The names are those of image processing. Its "reflect", which repeats the edge pixel itself, is none of these:
PyTorch has no such mode.
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from training.architectures.sizes import same_padding

PaddingMode = Literal["constant", "nearest", "mirror", "wrap"]
TORCH_MODES = {"constant": "constant", "nearest": "replicate", "mirror": "reflect", "wrap": "circular"}


class SamePad2d(nn.Module):
    """Pads so that the window after it gives ceil(size / stride) outputs; an odd pixel goes right and down.

    Args:
        kernel_size: side of the window that follows.
        stride: its stride.
        dilation: its dilation.
        mode: what the padding is filled with; `mirror` needs a padding smaller than the picture, `wrap` none larger.
    """

    def __init__(self, kernel_size: int, *, stride: int = 1, dilation: int = 1, mode: PaddingMode = "constant") -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride
        self.dilation = dilation
        self.mode = mode

    def amounts(self, size: int) -> tuple[int, int]:
        """Tell the pixels before and after an axis of `size` pixels."""
        return same_padding(size, kernel=self.kernel_size, stride=self.stride, dilation=self.dilation)

    def forward(self, maps_NCHW: Tensor) -> Tensor:
        """Pad rows and columns."""
        height, width = maps_NCHW.shape[2:]
        return functional.pad(maps_NCHW, (*self.amounts(width), *self.amounts(height)), mode=TORCH_MODES[self.mode])

    def extra_repr(self) -> str:
        """Show the options in the printed network."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, dilation={self.dilation}, mode={self.mode!r}"


def padded_conv(
    in_channels: int,
    filters: int,
    kernel_size: int,
    *,
    stride: int = 1,
    dilation: int = 1,
    padding: Literal["valid", "same"] = "same",
    mode: PaddingMode = "constant",
) -> nn.Sequential:
    """Build a convolution with padding by name: `valid` pads nothing, `same` gives ceil(size / stride) at any stride.

    Args:
        in_channels: channels of the input.
        filters: channels of the output.
        kernel_size: side of the window in pixels.
        stride: pixels between two windows.
        dilation: pixels between two taps of the window.
        padding: how much.
        mode: with what.
    """
    conv = nn.Conv2d(in_channels, filters, kernel_size, stride, dilation=dilation)
    if padding == "valid":
        return nn.Sequential(conv)
    return nn.Sequential(SamePad2d(kernel_size, stride=stride, dilation=dilation, mode=mode), conv)
