"""ResNeXt: many narrow ways through a block instead of one wide one.

Paper: S. Xie, R. Girshick, P. Dollar, Z. Tu and K. He, "Aggregated residual transformations for deep neural
networks", 2016, arXiv 1611.05431.

What was new: a block splits into equal ways (their number is the cardinality), which together are one grouped
convolution. At equal cost, more ways help more than more depth or width: 32 ways of 4 channels in 50 layers beat
ResNet-50. It is inception's splitting without the tuning of every branch. Second in ImageNet's 2016 contest.

What differs here: nothing but the stride, which is the 3x3's as in the paper's own code; `resnext101_32x8d` is not
in the paper but widely used. The option `width` makes every way narrower, at last of one channel, and keeps their
number, which is what the paper is about. Names give ways x channels of each way in the first stage. Small pictures: as
`resnet.py`; `resnext29_8x64d` is the paper's own network for them.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from training.architectures.blocks import Residual
from training.architectures.resnet import (
    Layers,
    bottleneck_body,
    imagenet_stem,
    residual_network,
    shape_shortcut,
    small_stem,
)
from training.architectures.widths import scaled


def resnext(
    *,
    num_classes: int,
    in_channels: int,
    input_size: int,
    depth: int,
    cardinality: int,
    way_width: int,
    zero_init_residual: bool = False,
    width: float = 1.0,
) -> nn.Module:
    """Build the ResNeXt for large pictures; 50 layers of 32x4d have 25,028,904 parameters for 1,000 classes.

    Args:
        num_classes: width of the last layer.
        in_channels: channels of the picture.
        input_size: side of the picture in pixels.
        depth: layers with weights on the longest way, 50 or 101.
        cardinality: ways through each block.
        way_width: channels of each way in the first stage, doubled from stage to stage.
        zero_init_residual: start each block as the identity, which the paper did not.
        width: factor of all channels; those of the ways stay a multiple of the cardinality.
    """
    return _assemble(
        imagenet_stem(in_channels, scaled(64, width), input_size=input_size),
        num_classes=num_classes,
        blocks={50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}[depth],
        cardinality=cardinality,
        way_width=way_width,
        zero_init_residual=zero_init_residual,
        width=width,
    )


def cifar_resnext(
    *,
    num_classes: int,
    in_channels: int,
    input_size: int,
    cardinality: int,
    way_width: int,
    zero_init_residual: bool = False,
    width: float = 1.0,
) -> nn.Module:
    """Build the ResNeXt of 29 layers for small pictures; 8x64d has 34,426,698 parameters for 10 classes.

    Args:
        num_classes: width of the last layer.
        in_channels: channels of the picture.
        input_size: side of the picture in pixels.
        cardinality: ways through each block.
        way_width: channels of each way in the first stage, doubled from stage to stage.
        zero_init_residual: start each block as the identity, which the paper did not.
        width: factor of all channels; those of the ways stay a multiple of the cardinality.
    """
    return _assemble(
        small_stem(in_channels, scaled(64, width), input_size=input_size),
        num_classes=num_classes,
        blocks=(3, 3, 3),
        cardinality=cardinality,
        way_width=way_width,
        zero_init_residual=zero_init_residual,
        width=width,
    )


def _assemble(
    layers: Layers,
    *,
    num_classes: int,
    blocks: Sequence[int],
    cardinality: int,
    way_width: int,
    zero_init_residual: bool,
    width: float,
) -> nn.Sequential:
    outputs = [scaled(256 * 2**stage, width) for stage in range(len(blocks))]
    ways = [scaled(cardinality * way_width * 2**stage, width, multiple=cardinality) for stage in range(len(blocks))]
    inner_of = dict(zip(outputs, ways, strict=True))

    def block(channels: int, out_channels: int, stride: int) -> Residual:
        body = bottleneck_body(channels, inner_of[out_channels], out_channels, stride=stride, groups=cardinality)
        return Residual(body, shortcut=shape_shortcut(channels, out_channels, stride, option="B"))

    return residual_network(
        layers,
        channels=scaled(64, width),
        widths=outputs,
        blocks=blocks,
        block=block,
        num_classes=num_classes,
        zero_init_residual=zero_init_residual,
    )
