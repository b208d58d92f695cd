"""Inception v3: large windows taken apart.

Paper: C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens and Z. Wojna, "Rethinking the inception architecture for
computer vision", 2015, arXiv 1512.00567.

What was new: rules instead of luck. A 7x7 window is a 1x7 after a 7x1 at two sevenths of the cost; grids shrink in
parallel by convolution and pooling, so that nothing is lost; labels are smoothed; an auxiliary head near the end
acts as a regulariser.

What differs here: the network is the released one, which the paper's table 1 simplifies. Average pools count their
padding, as torchvision's do (the original does not). The variance gets 0.001 before its root, as published; running
statistics follow with PyTorch's momentum of 0.1 and not the original's 0.0003, which needs ten thousand steps
before evaluation mode works. Small pictures: the stem is padded and keeps its resolution, with one of its two pools
left, which gives grids of 16, 7 and 3 for 32 pixels; no auxiliary head.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial

from torch import nn

from training.architectures.blocks import AuxiliaryNetwork, Branches, Chain, Conv, Module, append_modules, chain
from training.architectures.initialization import truncated_normal
from training.architectures.sizes import HALVED_FROM, PUBLISHED_FROM

EPS = 1e-3
_HEAD_WEIGHT = 0.4
Layers = OrderedDict[str, nn.Module]
chain_eps = partial(chain, eps=EPS)


def inception_v3(
    *,
    num_classes: int,
    in_channels: int,
    input_size: int,
    auxiliary_heads: bool | None = None,
    dropout: float = 0.5,
    width: float = 1.0,
) -> nn.Module:
    """Build Inception v3: 23,834,568 parameters at 299 pixels and 1,000 classes; 27,161,264 with its head.

    Args:
        num_classes: width of the last layer.
        in_channels: channels of the picture.
        input_size: side of the picture in pixels.
        auxiliary_heads: add the classifier that only trains; None adds it at the published size.
        dropout: share of the averaged features that is silenced while training.
        width: factor of all channels.
    """
    small = input_size < PUBLISHED_FROM
    unit = partial(chain_eps, width=width)
    layers = stem(in_channels, input_size=input_size, unit=unit)
    lower: dict[str, Module] = {
        "mixed_5b": partial(_grid_35, unit=unit, projection=32),
        "mixed_5c": partial(_grid_35, unit=unit, projection=64),
        "mixed_5d": partial(_grid_35, unit=unit, projection=64),
        "mixed_6a": partial(_reduce_35, unit=unit),
        **{
            f"mixed_6{letter}": partial(_grid_17, unit=unit, filters=filters)
            for letter, filters in zip("bcde", (128, 160, 160, 192), strict=True)
        },
    }
    upper: dict[str, Module] = {
        "mixed_7a": partial(_reduce_17, unit=unit),
        "mixed_7b": partial(_grid_8, unit=unit),
        "mixed_7c": partial(_grid_8, unit=unit),
    }
    classified = append_modules(layers, lower, in_channels=in_channels)
    channels = append_modules(layers, upper, in_channels=in_channels)
    append_output(layers, channels=channels, num_classes=num_classes, dropout=dropout)
    heads = {}
    if not small if auxiliary_heads is None else auxiliary_heads:
        heads["mixed_6e"] = _head(classified, num_classes=num_classes, published=input_size == 299, unit=unit)
    network = AuxiliaryNetwork(nn.Sequential(layers), heads=heads, weight=_HEAD_WEIGHT)
    return _initialize(network)


def stem(in_channels: int, *, input_size: int, unit: Chain) -> Layers:
    """Build everything before the first module, up to 192 channels; Inception-ResNet v2 has the same."""
    small = input_size < PUBLISHED_FROM
    stride = 1 if small and input_size < HALVED_FROM else 2
    layers = Layers(
        conv1=unit(in_channels, Conv(32, 3, stride=stride, valid=not small), Conv(32, 3, valid=not small), Conv(64, 3)),
        pool1=nn.MaxPool2d(3, 2, padding=int(small)),
    )
    append_modules(
        layers,
        {"conv2": lambda channels: unit(channels, Conv(80, 1), Conv(192, 3, valid=not small))},
        in_channels=in_channels,
    )
    if not small:
        layers["pool2"] = nn.MaxPool2d(3, 2)
    return layers


def append_output(layers: Layers, *, channels: int, num_classes: int, dropout: float) -> None:
    """Append average over the last maps, dropout and the last layer, as in all inception networks since v3."""
    layers["average"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["dropout"] = nn.Dropout(dropout)
    layers["output"] = nn.Linear(channels, num_classes)


def _average() -> nn.AvgPool2d:
    return nn.AvgPool2d(3, 1, padding=1)


def _grid_35(in_channels: int, *, unit: Chain, projection: int) -> Branches:
    branch = partial(unit, in_channels)
    return Branches(
        branch(Conv(64, 1)),
        branch(Conv(48, 1), Conv(64, 5)),
        branch(Conv(64, 1), Conv(96, 3), Conv(96, 3)),
        branch(_average(), Conv(projection, 1)),
    )


def _reduce_35(in_channels: int, *, unit: Chain) -> Branches:
    branch = partial(unit, in_channels)
    return Branches(
        branch(Conv(384, 3, stride=2, valid=True)),
        branch(Conv(64, 1), Conv(96, 3), Conv(96, 3, stride=2, valid=True)),
        nn.MaxPool2d(3, 2),
    )


def _grid_17(in_channels: int, *, unit: Chain, filters: int) -> Branches:
    branch = partial(unit, in_channels)
    row, column = Conv(filters, (1, 7)), Conv(filters, (7, 1))
    return Branches(
        branch(Conv(192, 1)),
        branch(Conv(filters, 1), row, Conv(192, (7, 1))),
        branch(Conv(filters, 1), column, row, column, Conv(192, (1, 7))),
        branch(_average(), Conv(192, 1)),
    )


def _reduce_17(in_channels: int, *, unit: Chain) -> Branches:
    branch = partial(unit, in_channels)
    return Branches(
        branch(Conv(192, 1), Conv(320, 3, stride=2, valid=True)),
        branch(Conv(192, 1), Conv(192, (1, 7)), Conv(192, (7, 1)), Conv(192, 3, stride=2, valid=True)),
        nn.MaxPool2d(3, 2),
    )


def _grid_8(in_channels: int, *, unit: Chain) -> Branches:
    branch = partial(unit, in_channels)
    return Branches(
        branch(Conv(320, 1)),
        branch(Conv(384, 1), partial(_cross, unit=unit)),
        branch(Conv(448, 1), Conv(384, 3), partial(_cross, unit=unit)),
        branch(_average(), Conv(192, 1)),
    )


def _cross(in_channels: int, *, unit: Chain) -> Branches:
    return Branches(unit(in_channels, Conv(384, (1, 3))), unit(in_channels, Conv(384, (3, 1))))


def _head(in_channels: int, *, num_classes: int, published: bool, unit: Chain) -> nn.Sequential:
    layers = Layers(pool=nn.AvgPool2d(5, 3) if published else nn.AdaptiveAvgPool2d(5))
    convolutions: dict[str, Module] = {
        "conv1": lambda channels: unit(channels, Conv(128, 1)),
        "conv2": lambda channels: unit(channels, Conv(768, 5, valid=True)),
    }
    channels = append_modules(layers, convolutions, in_channels=in_channels)
    layers["flatten"] = nn.Flatten()
    layers["output"] = nn.Linear(channels, num_classes)
    return nn.Sequential(layers)


def _initialize(network: AuxiliaryNetwork) -> AuxiliaryNetwork:
    """Draw from truncated normals: deviation 0.1, in the head 0.01 and 0.001, as the released network does."""
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            truncated_normal(layer.weight, deviation=0.1)
        if isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.bias)
    for head in network.heads.values():
        truncated_normal(head.get_parameter("conv2.0.conv.weight"), deviation=0.01)
        truncated_normal(head.get_parameter("output.weight"), deviation=0.001)
    return network
