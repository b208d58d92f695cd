"""ResNeXt: many narrow ways through a block instead of one wide one.

Paper: S. Xie, R. Girshick, P. Dollar, Z. Tu and K. He, "Aggregated residual transformations for deep neural
networks", 2016, arXiv 1611.05431.

What was new: a block splits into equal ways (their number is the cardinality), which together are one grouped
convolution. At equal cost, more ways help more than more depth or width: 32 ways of 4 channels in 50 layers beat
ResNet-50. It is inception's splitting without the tuning of every branch. Second in ImageNet's 2016 contest.

What differs here: nothing but the stride, which is the 3x3's as in the paper's own code; `resnext101_32x8d` is not
in the paper but widely used. Names give ways x channels of each way in the first stage. Small pictures: as
`resnet.py`; `resnext29_8x64d` is the paper's own network for them.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from training.architectures.blocks import Conv, Residual, conv_bn_relu
from training.architectures.initialization import initialize
from training.architectures.resnet import (
    Layers,
    append_output,
    append_stages,
    imagenet_stem,
    quiet_residuals,
    shape_shortcut,
    small_stem,
)


def resnext(
    *,
    num_classes: int,
    in_channels: int,
    input_size: int,
    depth: int,
    cardinality: int,
    way_width: int,
    zero_init_residual: bool = False,
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
    """
    return _assemble(
        imagenet_stem(in_channels, input_size=input_size),
        num_classes=num_classes,
        widths=(256, 512, 1024, 2048),
        blocks={50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}[depth],
        cardinality=cardinality,
        way_width=way_width,
        zero_init_residual=zero_init_residual,
    )


def cifar_resnext(
    *,
    num_classes: int,
    in_channels: int,
    input_size: int,
    cardinality: int,
    way_width: int,
    zero_init_residual: bool = False,
) -> nn.Module:
    """Build the ResNeXt of 29 layers for small pictures; 8x64d has 34,426,698 parameters for 10 classes.

    Args:
        num_classes: width of the last layer.
        in_channels: channels of the picture.
        input_size: side of the picture in pixels.
        cardinality: ways through each block.
        way_width: channels of each way in the first stage, doubled from stage to stage.
        zero_init_residual: start each block as the identity, which the paper did not.
    """
    return _assemble(
        small_stem(in_channels, 64, input_size=input_size),
        num_classes=num_classes,
        widths=(256, 512, 1024),
        blocks=(3, 3, 3),
        cardinality=cardinality,
        way_width=way_width,
        zero_init_residual=zero_init_residual,
    )


def _assemble(
    layers: Layers,
    *,
    num_classes: int,
    widths: Sequence[int],
    blocks: Sequence[int],
    cardinality: int,
    way_width: int,
    zero_init_residual: bool,
) -> nn.Sequential:
    def block(channels: int, out_channels: int, stride: int) -> Residual:
        width = cardinality * way_width * out_channels // widths[0]
        body = _body(channels, width, out_channels, stride=stride, groups=cardinality)
        return Residual(body, shortcut=shape_shortcut(channels, out_channels, stride, option="B"))

    append_stages(layers, channels=64, widths=widths, blocks=blocks, block=block)
    append_output(layers, channels=widths[-1], num_classes=num_classes)
    network = initialize(nn.Sequential(layers), scheme="he")
    return quiet_residuals(network) if zero_init_residual else network


def _body(in_channels: int, width: int, out_channels: int, *, stride: int, groups: int) -> nn.Sequential:
    layers = Layers(
        conv1=conv_bn_relu(in_channels, Conv(width, 1)),
        conv2=conv_bn_relu(width, Conv(width, 3, stride=stride, groups=groups)),
        conv3=nn.Conv2d(width, out_channels, 1, bias=False),
        norm3=nn.BatchNorm2d(out_channels),
    )
    return nn.Sequential(layers)
