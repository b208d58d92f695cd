"""ResNet: layers that learn what to add.

Paper: K. He, X. Zhang, S. Ren and J. Sun, "Deep residual learning for image recognition", 2015, arXiv 1512.03385.

What was new: plain networks got worse with more layers, even on the pictures they trained on. A block that adds its
result to its own input can always do nothing, so that depth no longer hurts, and 152 layers became better than 34.
Winner of ImageNet's 2015 contest. For pictures of 32 pixels the paper has narrow forms of 6n + 2 layers, `resnet20`
to `resnet110`.

What differs here: the blocks of 50 and more layers halve the grid in their 3x3 convolution and not in the 1x1
before it, as torchvision and NVIDIA do: same weights, 6 % more work, half a point of accuracy. Shortcuts that change
shape are projections (option B) in the large networks and subsampling with zeros for the new channels (option A) in
the narrow ones, as in the paper. Small pictures, for the large networks: conv1 is 3x3 at stride 1, without the
pool.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from training.architectures.blocks import Conv, Residual, conv_bn_relu
from training.architectures.errors import chosen
from training.architectures.initialization import initialize
from training.architectures.sizes import HALVED_FROM, PUBLISHED_FROM
from training.architectures.widths import scaled

Layers = OrderedDict[str, nn.Module]
Option = Literal["A", "B", "C"]
Block = Callable[[int, int, int], Residual]  # input channels, output channels, stride


class SubsamplingShortcut(nn.Module):
    """Option A: keeps every second pixel and fills the new channels with zeros, half before and half after.

    Args:
        extra_channels: channels to fill, an even number.
        stride: keep every so manieth pixel.
    """

    def __init__(self, extra_channels: int, *, stride: int) -> None:
        super().__init__()
        self.extra_channels = extra_channels
        self.stride = stride

    def forward(self, maps_NCHW: Tensor) -> Tensor:
        """Change the shape without any weights."""
        kept_NCHW = maps_NCHW[:, :, :: self.stride, :: self.stride]
        half = self.extra_channels // 2
        return functional.pad(kept_NCHW, (0, 0, 0, 0, half, half))

    def extra_repr(self) -> str:
        """Show the options in the printed network."""
        return f"extra_channels={self.extra_channels}, stride={self.stride}"


def resnet(
    *,
    num_classes: int,
    in_channels: int,
    input_size: int,
    depth: int,
    shortcut: Option = "B",
    zero_init_residual: bool = False,
    width: float = 1.0,
) -> nn.Module:
    """Build the ResNet of 18, 34, 50, 101 or 152 layers; that of 50 has 25,557,032 parameters for 1,000 classes.

    Args:
        num_classes: width of the last layer.
        in_channels: channels of the picture.
        input_size: side of the picture in pixels.
        depth: layers with weights on the longest way.
        shortcut: the paper's option where a block changes shape.
        zero_init_residual: start each block as the identity, which the paper did not.
        width: factor of all channels.
    """
    blocks, expansion = _DEPTHS[depth]
    stem, *narrow = (scaled(channels, width, multiple=2) for channels in (64, 64, 128, 256, 512))

    def block(channels: int, out_channels: int, stride: int) -> Residual:
        inner = out_channels // expansion
        if expansion == 1:
            body = basic_body(channels, inner, stride=stride)
        else:
            body = bottleneck_body(channels, inner, out_channels, stride=stride)
        return Residual(body, shortcut=shape_shortcut(channels, out_channels, stride, option=shortcut))

    return residual_network(
        imagenet_stem(in_channels, stem, input_size=input_size),
        channels=stem,
        widths=[expansion * count for count in narrow],
        blocks=blocks,
        block=block,
        num_classes=num_classes,
        zero_init_residual=zero_init_residual,
    )


def cifar_resnet(
    *,
    num_classes: int,
    in_channels: int,
    input_size: int,
    depth: int,
    shortcut: Option = "A",
    zero_init_residual: bool = False,
    width: float = 1.0,
) -> nn.Module:
    """Build the narrow ResNet of 6n + 2 layers for small pictures; that of 20 has 269,722 parameters for 10 classes.

    Args:
        num_classes: width of the last layer.
        in_channels: channels of the picture.
        input_size: side of the picture in pixels.
        depth: layers with weights on the longest way, 6n + 2.
        shortcut: the paper's option where a block changes shape.
        zero_init_residual: start each block as the identity, which the paper did not.
        width: factor of all channels.
    """

    def block(channels: int, out_channels: int, stride: int) -> Residual:
        body = basic_body(channels, out_channels, stride=stride)
        return Residual(body, shortcut=shape_shortcut(channels, out_channels, stride, option=shortcut))

    widths = [scaled(channels, width, multiple=2) for channels in (16, 32, 64)]
    return residual_network(
        small_stem(in_channels, widths[0], input_size=input_size),
        channels=widths[0],
        widths=widths,
        blocks=((depth - 2) // 6,) * 3,
        block=block,
        num_classes=num_classes,
        zero_init_residual=zero_init_residual,
    )


def residual_network(
    layers: Layers,
    *,
    channels: int,
    widths: Sequence[int],
    blocks: Sequence[int],
    block: Block,
    num_classes: int,
    zero_init_residual: bool,
) -> nn.Sequential:
    """Build stages of blocks, average and last layer on a stem, with the initial weights of He et al.

    Args:
        layers: the stem, changed in place.
        channels: what the stem gives.
        widths: output channels of each stage.
        blocks: blocks of each stage; the first block of each stage but the first halves the grid.
        block: makes one of them.
        num_classes: width of the last layer.
        zero_init_residual: start each block as the identity.
    """
    for stage, (width, count) in enumerate(zip(widths, blocks, strict=True), start=2):
        for number in range(1, count + 1):
            layers[f"conv{stage}_{number}"] = block(channels, width, 2 if stage > 2 and number == 1 else 1)
            channels = width
    layers["average"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["output"] = nn.Linear(channels, num_classes)
    network = initialize(nn.Sequential(layers), scheme="he")
    return quiet_residuals(network) if zero_init_residual else network


def imagenet_stem(in_channels: int, filters: int, *, input_size: int) -> Layers:
    """Build what comes before the first block: a quarter of the side, or all of it for small pictures."""
    if input_size < PUBLISHED_FROM:
        return small_stem(in_channels, filters, input_size=input_size)
    return Layers(
        conv1=conv_bn_relu(in_channels, Conv(filters, 7, stride=2)),
        pool1=nn.MaxPool2d(3, 2, padding=1),
    )


def small_stem(in_channels: int, filters: int, *, input_size: int) -> Layers:
    """Build one 3x3 convolution, which halves pictures of 64 to 95 pixels and keeps the size of all others."""
    stride = 2 if HALVED_FROM <= input_size < PUBLISHED_FROM else 1
    return Layers(conv1=conv_bn_relu(in_channels, Conv(filters, 3, stride=stride)))


def basic_body(in_channels: int, width: int, *, stride: int) -> nn.Sequential:
    """Build two 3x3 convolutions, the second not rectified; the stride is the first one's."""
    layers = Layers(
        conv1=conv_bn_relu(in_channels, Conv(width, 3, stride=stride)),
        conv2=nn.Conv2d(width, width, 3, padding=1, bias=False),
        norm2=nn.BatchNorm2d(width),
    )
    return nn.Sequential(layers)


def bottleneck_body(in_channels: int, width: int, out_channels: int, *, stride: int, groups: int = 1) -> nn.Sequential:
    """Build 1x1, 3x3 and 1x1 convolutions, the last not rectified; stride and groups are the 3x3's."""
    layers = Layers(
        conv1=conv_bn_relu(in_channels, Conv(width, 1)),
        conv2=conv_bn_relu(width, Conv(width, 3, stride=stride, groups=groups)),
        conv3=nn.Conv2d(width, out_channels, 1, bias=False),
        norm3=nn.BatchNorm2d(out_channels),
    )
    return nn.Sequential(layers)


def shape_shortcut(in_channels: int, out_channels: int, stride: int, *, option: Option) -> nn.Module | None:
    """Build what lets a block's input be added to its output; None where it passes as it is.

    Args:
        in_channels: of the block.
        out_channels: of the block.
        stride: of the block.
        option: the paper's letter: where the shape changes, `A` subsamples and adds zeros, `B` projects; `C` projects
            in every block.

    Raises:
        ArchitectureOptionError: another letter.
    """
    project, always = chosen("shortcut", option, among=_SHORTCUTS)
    if stride == 1 and in_channels == out_channels and not always:
        return None
    if not project:
        return SubsamplingShortcut(out_channels - in_channels, stride=stride)
    projection = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
    return nn.Sequential(Layers(conv=projection, norm=nn.BatchNorm2d(out_channels)))


def quiet_residuals(network: nn.Sequential) -> nn.Sequential:
    """Set the last normalisation of each block to zero, so that every block starts as the identity."""
    for layer in network.modules():
        if isinstance(layer, Residual) and isinstance(layer.body, nn.Sequential):
            nn.init.zeros_(layer.body[-1].get_parameter("weight"))
    return network


# The paper's options: whether shapes are changed by projection, and whether every block projects.
_SHORTCUTS = {"A": (False, False), "B": (True, False), "C": (True, True)}
_DEPTHS = {
    18: ((2, 2, 2, 2), 1),
    34: ((3, 4, 6, 3), 1),
    50: ((3, 4, 6, 3), 4),
    101: ((3, 4, 23, 3), 4),
    152: ((3, 8, 36, 3), 4),
}
