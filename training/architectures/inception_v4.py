"""Inception v4: the inception network made uniform.

Paper: C. Szegedy, S. Ioffe, V. Vanhoucke and A. Alemi, "Inception-v4, Inception-ResNet and the impact of residual
connections on learning", 2016, arXiv 1602.07261.

What was new: modules of the same kind are equal, whatever their depth, and the stem itself branches. It asks whether
inception needs shortcuts: this network without them is as accurate as its sibling with them, which only trains faster.

What differs here: average pools do not count their padding, as in the released network, and running statistics
follow as in `inception_v3`. Small pictures: every layer of the stem is padded and only its first branching halves
the picture, which gives grids of 16, 7 and 3 for 32 pixels.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from training.architectures.blocks import Branches, Chain, Conv, Module, append_modules
from training.architectures.inception_v3 import Layers, append_output, chain_eps
from training.architectures.initialization import initialize
from training.architectures.sizes import HALVED_FROM, PUBLISHED_FROM


def inception_v4(
    *, num_classes: int, in_channels: int, input_size: int, dropout: float = 0.2, width: float = 1.0
) -> nn.Module:
    """Build Inception v4: 42,679,816 parameters for colour pictures of 299 pixels and 1,000 classes.

    Args:
        num_classes: width of the last layer.
        in_channels: channels of the picture.
        input_size: side of the picture in pixels.
        dropout: share of the averaged features that is silenced while training.
        width: factor of all channels.
    """
    unit = partial(chain_eps, width=width)
    layers = _stem(in_channels, input_size=input_size, unit=unit)
    modules: dict[str, Module] = {
        **{f"inception_a{number}": partial(_grid_35, unit=unit) for number in range(1, 5)},
        "reduction_a": partial(reduce_35, unit=unit, filters=(192, 224, 256, 384)),
        **{f"inception_b{number}": partial(_grid_17, unit=unit) for number in range(1, 8)},
        "reduction_b": partial(_reduce_17, unit=unit),
        **{f"inception_c{number}": partial(_grid_8, unit=unit) for number in range(1, 4)},
    }
    channels = append_modules(layers, modules, in_channels=in_channels)
    append_output(layers, channels=channels, num_classes=num_classes, dropout=dropout)
    return initialize(nn.Sequential(layers), scheme="he_fan_in")


def average() -> nn.AvgPool2d:
    """Average 3x3 neighbours, at the border those that exist."""
    return nn.AvgPool2d(3, 1, padding=1, count_include_pad=False)


def reduce_35(in_channels: int, *, unit: Chain, filters: tuple[int, int, int, int]) -> Branches:
    """Build reduction A with the paper's filters k, l, m and n; Inception-ResNet v2 has it with others."""
    k, l, m, n = filters  # noqa: E741 - the paper's own letters
    branch = partial(unit, in_channels)
    return Branches(
        branch(Conv(n, 3, stride=2, valid=True)),
        branch(Conv(k, 1), Conv(l, 3), Conv(m, 3, stride=2, valid=True)),
        nn.MaxPool2d(3, 2),
    )


def _stem(in_channels: int, *, input_size: int, unit: Chain) -> Layers:
    small = input_size < PUBLISHED_FROM
    valid, padding = not small, int(small)
    first = 2 if not small or input_size >= HALVED_FROM else 1
    last = 1 if small else 2
    row, column = Conv(64, (1, 7)), Conv(64, (7, 1))
    steps: dict[str, Module] = {
        "stem1": lambda channels: unit(channels, Conv(32, 3, first, valid), Conv(32, 3, 1, valid), Conv(64, 3)),
        "stem2": lambda channels: Branches(nn.MaxPool2d(3, 2, padding=padding), unit(channels, Conv(96, 3, 2, valid))),
        "stem3": lambda channels: Branches(
            unit(channels, Conv(64, 1), Conv(96, 3, 1, valid)),
            unit(channels, Conv(64, 1), row, column, Conv(96, 3, 1, valid)),
        ),
        "stem4": lambda channels: Branches(
            unit(channels, Conv(192, 3, last, valid)), nn.MaxPool2d(3, last, padding=padding)
        ),
    }
    layers = Layers()
    append_modules(layers, steps, in_channels=in_channels)
    return layers


def _grid_35(in_channels: int, *, unit: Chain) -> Branches:
    branch = partial(unit, in_channels)
    return Branches(
        branch(Conv(96, 1)),
        branch(Conv(64, 1), Conv(96, 3)),
        branch(Conv(64, 1), Conv(96, 3), Conv(96, 3)),
        branch(average(), Conv(96, 1)),
    )


def _grid_17(in_channels: int, *, unit: Chain) -> Branches:
    branch = partial(unit, in_channels)
    return Branches(
        branch(Conv(384, 1)),
        branch(Conv(192, 1), Conv(224, (1, 7)), Conv(256, (7, 1))),
        branch(Conv(192, 1), Conv(192, (7, 1)), Conv(224, (1, 7)), Conv(224, (7, 1)), Conv(256, (1, 7))),
        branch(average(), Conv(128, 1)),
    )


def _reduce_17(in_channels: int, *, unit: Chain) -> Branches:
    branch = partial(unit, in_channels)
    return Branches(
        branch(Conv(192, 1), Conv(192, 3, stride=2, valid=True)),
        branch(Conv(256, 1), Conv(256, (1, 7)), Conv(320, (7, 1)), Conv(320, 3, stride=2, valid=True)),
        nn.MaxPool2d(3, 2),
    )


def _grid_8(in_channels: int, *, unit: Chain) -> Branches:
    branch = partial(unit, in_channels)
    return Branches(
        branch(Conv(256, 1)),
        branch(Conv(384, 1), partial(_cross, unit=unit)),
        branch(Conv(384, 1), Conv(448, (3, 1)), Conv(512, (1, 3)), partial(_cross, unit=unit)),
        branch(average(), Conv(256, 1)),
    )


def _cross(in_channels: int, *, unit: Chain) -> Branches:
    return Branches(unit(in_channels, Conv(256, (1, 3))), unit(in_channels, Conv(256, (3, 1))))
