"""Inception-ResNet v2: inception modules with shortcuts.

Paper: C. Szegedy, S. Ioffe, V. Vanhoucke and A. Alemi, "Inception-v4, Inception-ResNet and the impact of residual
connections on learning", 2016, arXiv 1602.07261.

What was new: each module computes a change that is scaled down and added to its input. Without the scale, networks
of more than a thousand filters died early in training; with it they train much faster than Inception v4, to the
same accuracy.

What differs here: the network is the released one, with Inception v3's stem and 10, 20 and 10 modules, whose cost
is what the text says; figure 15 of the paper describes a smaller one. The last module is neither scaled nor
rectified. Running statistics follow as in `inception_v3`. Small pictures: the stem of `inception_v3` for them.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from training.architectures.blocks import Branches, Chain, Conv, Module, Residual, append_modules, channels_after
from training.architectures.inception_v3 import append_output, chain_eps, stem
from training.architectures.inception_v4 import average, reduce_35
from training.architectures.initialization import initialize

_SCALE_35, _SCALE_17, _SCALE_8 = 0.17, 0.10, 0.20


def inception_resnet_v2(
    *, num_classes: int, in_channels: int, input_size: int, dropout: float = 0.2, width: float = 1.0
) -> nn.Module:
    """Build Inception-ResNet v2: 55,843,464 parameters for colour pictures of 299 pixels and 1,000 classes.

    Args:
        num_classes: width of the last layer.
        in_channels: channels of the picture.
        input_size: side of the picture in pixels.
        dropout: share of the averaged features that is silenced while training.
        width: factor of all channels.
    """
    unit = partial(chain_eps, width=width)
    layers = stem(in_channels, input_size=input_size, unit=unit)
    modules: dict[str, Module] = {
        "mixed_5b": partial(_first_module, unit=unit),
        **{f"block35_{number}": partial(_block_35, unit=unit) for number in range(1, 11)},
        "reduction_a": partial(reduce_35, unit=unit, filters=(256, 256, 384, 384)),
        **{f"block17_{number}": partial(_block_17, unit=unit) for number in range(1, 21)},
        "reduction_b": partial(_reduce_17, unit=unit),
        **{f"block8_{number}": partial(_block_8, unit=unit, last=number == 10) for number in range(1, 11)},
        "conv7": lambda channels: unit(channels, Conv(1536, 1)),
    }
    channels = append_modules(layers, modules, in_channels=in_channels)
    append_output(layers, channels=channels, num_classes=num_classes, dropout=dropout)
    return initialize(nn.Sequential(layers), scheme="he_fan_in")


def _first_module(in_channels: int, *, unit: Chain) -> Branches:
    branch = partial(unit, in_channels)
    return Branches(
        branch(Conv(96, 1)),
        branch(Conv(48, 1), Conv(64, 5)),
        branch(Conv(64, 1), Conv(96, 3), Conv(96, 3)),
        branch(average(), Conv(64, 1)),
    )


def _block_35(channels: int, *, unit: Chain) -> Residual:
    branch = partial(unit, channels)
    branches = Branches(
        branch(Conv(32, 1)),
        branch(Conv(32, 1), Conv(32, 3)),
        branch(Conv(32, 1), Conv(48, 3), Conv(64, 3)),
    )
    return Residual(
        nn.Sequential(branches, nn.Conv2d(channels_after(branches, channels), channels, 1)), scale=_SCALE_35
    )


def _block_17(channels: int, *, unit: Chain) -> Residual:
    branch = partial(unit, channels)
    branches = Branches(
        branch(Conv(192, 1)),
        branch(Conv(128, 1), Conv(160, (1, 7)), Conv(192, (7, 1))),
    )
    return Residual(
        nn.Sequential(branches, nn.Conv2d(channels_after(branches, channels), channels, 1)), scale=_SCALE_17
    )


def _block_8(channels: int, *, unit: Chain, last: bool) -> Residual:
    branch = partial(unit, channels)
    branches = Branches(
        branch(Conv(192, 1)),
        branch(Conv(192, 1), Conv(224, (1, 3)), Conv(256, (3, 1))),
    )
    body = nn.Sequential(branches, nn.Conv2d(channels_after(branches, channels), channels, 1))
    return Residual(body, scale=1.0 if last else _SCALE_8, relu=not last)


def _reduce_17(in_channels: int, *, unit: Chain) -> Branches:
    branch = partial(unit, in_channels)
    return Branches(
        branch(Conv(256, 1), Conv(384, 3, stride=2, valid=True)),
        branch(Conv(256, 1), Conv(288, 3, stride=2, valid=True)),
        branch(Conv(256, 1), Conv(288, 3), Conv(320, 3, stride=2, valid=True)),
        nn.MaxPool2d(3, 2),
    )
