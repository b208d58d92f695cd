"""Airbench: a small VGG that starts from what pictures look like and so learns CIFAR-10 in minutes.

Paper: K. Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, arXiv 2404.00498.

What was new: nothing in the layers, which are 3x3 convolutions, pooling and normalisation as in VGG. The gain is in the
start: the first windows are set, before any training, to the principal components of 2x2 patches of the training
pictures, which makes their outputs uncorrelated, and stay there; the other convolutions start by passing their input
on. Normalisation learns an offset and no factor.

What differs here: the last maps are reduced by their maximum over whatever size is left, which at 32 pixels is the
paper's 3x3 window, so pictures of other sizes can be shown too. Widths are an option.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from training.architectures.blocks import Layers, StartsFromPictures

_PATCH = 2
_LOUDEST = 5e-4  # added to the variance of each component, so that the faintest are not blown up to noise
_LOGIT_FACTOR = 1 / 9


class WhiteningConv2d(nn.Conv2d, StartsFromPictures):
    """Windows of 2x2 whose outputs over the pictures are uncorrelated, each once as it is and once negated.

    Args:
        in_channels: C; there are 2 * 4 * C windows.
    """

    def __init__(self, in_channels: int) -> None:
        components = in_channels * _PATCH**2
        super().__init__(in_channels, 2 * components, _PATCH)
        self.weight.requires_grad = False
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    @torch.no_grad()
    def start_from(self, images_NCHW: Tensor) -> None:
        """Set the windows to the principal components of all patches, divided by their deviation."""
        n_values = self.in_channels * _PATCH**2
        patches = images_NCHW.unfold(2, _PATCH, 1).unfold(3, _PATCH, 1)
        values_MD = patches.permute(0, 2, 3, 1, 4, 5).reshape(-1, n_values)
        variances_D, components_DD = torch.linalg.eigh(torch.cov(values_MD.T))
        windows_DD = (components_DD / torch.sqrt(variances_D + _LOUDEST)).T.flip(0)
        windows = windows_DD.reshape(n_values, self.in_channels, _PATCH, _PATCH)
        self.weight.copy_(torch.cat((windows, -windows)))


class OffsetBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation that learns an offset and no factor, and follows the batches quickly.

    Args:
        channels: of its input.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, momentum=0.4)
        self.weight.requires_grad = False


class Scaled(nn.Module):
    """Multiply by a constant.

    Args:
        factor: the constant.
    """

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, values: Tensor) -> Tensor:
        """Compute factor * values."""
        return self.factor * values


def airbench(
    *,
    num_classes: int,
    in_channels: int,
    input_size: int,
    widths: Sequence[int] = (64, 256, 256),
) -> nn.Module:
    """Build the network of the paper's fastest recipe; 1,971,352 trainable parameters for 3 channels and 10 classes.

    Args:
        num_classes: width of the output.
        in_channels: channels of the picture.
        input_size: side of the picture in pixels, at least one more than 2 to the number of groups.
        widths: channels of each group of two convolutions; the sides are halved in each.
    """
    if input_size - 1 < 2 ** len(widths):
        raise ValueError(f"{len(widths)} groups halve {input_size} pixels to nothing.")
    whitening = WhiteningConv2d(in_channels)
    layers = Layers(whitening=whitening, gelu0=nn.GELU())
    channels = whitening.out_channels
    for number, width in enumerate(widths, start=1):
        layers[f"group{number}"] = _group(channels, width)
        channels = width
    layers["maximum"] = nn.AdaptiveMaxPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["output"] = nn.Linear(channels, num_classes, bias=False)
    layers["scale"] = Scaled(_LOGIT_FACTOR)
    return nn.Sequential(layers)


def _group(in_channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        Layers(
            conv1=_passing_convolution(in_channels, width),
            pool=nn.MaxPool2d(2),
            norm1=OffsetBatchNorm2d(width),
            gelu1=nn.GELU(),
            conv2=_passing_convolution(width, width),
            norm2=OffsetBatchNorm2d(width),
            gelu2=nn.GELU(),
        )
    )


def _passing_convolution(in_channels: int, width: int) -> nn.Conv2d:
    """Start as He et al. did, but for the first windows, which pass one channel each on as it is."""
    layer = nn.Conv2d(in_channels, width, 3, padding=1, bias=False)
    with torch.no_grad():
        nn.init.dirac_(layer.weight[:in_channels])
    return layer
