"""GoogLeNet, the first inception network.

Paper: C. Szegedy, W. Liu, Y. Jia, P. Sermanet, S. Reed, D. Anguelov, D. Erhan, V. Vanhoucke and A. Rabinovich,
"Going deeper with convolutions", 2014, arXiv 1409.4842.

What was new: the inception module looks with windows of 1x1, 3x3 and 5x5 and with a pool at once and concatenates
what they see. 1x1 convolutions before the large windows cut the channels, so that 22 layers need a ninth of
AlexNet's weights (most of which sat in its fully connected layers, replaced by an average over the last maps). Two
auxiliary classifiers feed gradients to the middle while it trains. Winner of ImageNet's 2014 contest.

What differs here: nothing in the published size, with Caffe's reading of it: plain 7x7 first, biases, local
response normalisation with alpha divided by the size of the neighbourhood, Glorot's initial weights with biases of
0.2. The third branch is a true 5x5 (a widespread implementation has 3x3 there). Small pictures: the stem is one 3x3
convolution, pools are padded, and every convolution is normalised instead of biased, as implementations for
CIFAR-10 do.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from torch import nn

from training.architectures.blocks import AuxiliaryNetwork, Branches, Conv, channels_after, conv_bn_relu
from training.architectures.initialization import initialize
from training.architectures.normalization import LocalResponseNorm
from training.architectures.sizes import HALVED_FROM, PUBLISHED_FROM
from training.architectures.widths import scaled

Unit = Callable[[int, Conv], nn.Sequential]
Layers = OrderedDict[str, nn.Module]

# name: filters of 1x1; 3x3 reduction and 3x3; 5x5 reduction and 5x5; 1x1 after the pool
_MODULES = {
    "inception_3a": (64, 96, 128, 16, 32, 32),
    "inception_3b": (128, 128, 192, 32, 96, 64),
    "inception_4a": (192, 96, 208, 16, 48, 64),
    "inception_4b": (160, 112, 224, 24, 64, 64),
    "inception_4c": (128, 128, 256, 24, 64, 64),
    "inception_4d": (112, 144, 288, 32, 64, 64),
    "inception_4e": (256, 160, 320, 32, 128, 128),
    "inception_5a": (256, 160, 320, 32, 128, 128),
    "inception_5b": (384, 192, 384, 48, 128, 128),
}
_POOL_AFTER = {"inception_3b": "pool3", "inception_4e": "pool4"}
_CLASSIFIED = ("inception_4a", "inception_4d")  # by the heads
_HEAD_WEIGHT = 0.3


def googlenet(
    *,
    num_classes: int,
    in_channels: int,
    input_size: int,
    auxiliary_heads: bool | None = None,
    dropout: float = 0.4,
    width: float = 1.0,
) -> nn.Module:
    """Build GoogLeNet: 6,998,552 parameters at 224 pixels, 3 channels and 1,000 classes; 13,378,280 with both heads.

    Args:
        num_classes: width of the last layer.
        in_channels: channels of the picture.
        input_size: side of the picture in pixels.
        auxiliary_heads: add the two classifiers that only train; None adds them at the published size.
        dropout: share of the averaged features that is silenced while training.
        width: factor of all channels and hidden units.
    """
    small = input_size < PUBLISHED_FROM
    unit = conv_bn_relu if small else conv_relu
    with_heads = not small if auxiliary_heads is None else auxiliary_heads
    layers = _small_stem(in_channels, width, input_size=input_size) if small else _stem(in_channels, width)
    channels, heads = scaled(192, width), {}
    for name, filters in _MODULES.items():
        layers[name] = _inception(channels, [scaled(count, width) for count in filters], unit=unit)
        channels = channels_after(layers[name], channels)
        if with_heads and name in _CLASSIFIED:
            heads[name] = _head(channels, num_classes=num_classes, unit=unit, published=input_size == 224, width=width)
        if name in _POOL_AFTER:
            layers[_POOL_AFTER[name]] = nn.MaxPool2d(3, 2, padding=1) if small else _ceil_pool()
    layers["average"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["dropout"] = nn.Dropout(dropout)
    layers["output"] = nn.Linear(channels, num_classes)
    network = AuxiliaryNetwork(nn.Sequential(layers), heads=heads, weight=_HEAD_WEIGHT)
    return _initialize(network, small=small)


def conv_relu(in_channels: int, conv: Conv) -> nn.Sequential:
    """Build convolution with bias and rectification, the unit before batch normalisation."""
    layers = Layers(
        conv=nn.Conv2d(in_channels, conv.filters, conv.kernel, conv.stride, conv.padding),
        relu=nn.ReLU(inplace=True),
    )
    return nn.Sequential(layers)


def _stem(in_channels: int, width: float) -> Layers:
    first, second = scaled(64, width), scaled(192, width)
    return Layers(
        conv1=conv_relu(in_channels, Conv(first, 7, stride=2)),
        pool1=_ceil_pool(),
        norm1=_caffe_norm(),
        conv2_reduce=conv_relu(first, Conv(first, 1)),
        conv2=conv_relu(first, Conv(second, 3)),
        norm2=_caffe_norm(),
        pool2=_ceil_pool(),
    )


def _small_stem(in_channels: int, width: float, *, input_size: int) -> Layers:
    stride = 2 if input_size >= HALVED_FROM else 1
    return Layers(conv2=conv_bn_relu(in_channels, Conv(scaled(192, width), 3, stride=stride)))


def _ceil_pool() -> nn.MaxPool2d:
    """Pool 3x3 at stride 2 without padding; only rounding up gives the paper's 112, 56, 28, 14 and 7 pixels."""
    return nn.MaxPool2d(3, 2, ceil_mode=True)


def _caffe_norm() -> LocalResponseNorm:
    return LocalResponseNorm(size=5, alpha=1e-4 / 5, beta=0.75, k=1.0)


def _inception(in_channels: int, filters: Sequence[int], *, unit: Unit) -> Branches:
    single, reduce3, three, reduce5, five, projection = filters
    return Branches(
        unit(in_channels, Conv(single, 1)),
        nn.Sequential(unit(in_channels, Conv(reduce3, 1)), unit(reduce3, Conv(three, 3))),
        nn.Sequential(unit(in_channels, Conv(reduce5, 1)), unit(reduce5, Conv(five, 5))),
        nn.Sequential(nn.MaxPool2d(3, 1, padding=1), unit(in_channels, Conv(projection, 1))),
    )


def _head(in_channels: int, *, num_classes: int, unit: Unit, published: bool, width: float) -> nn.Sequential:
    filters, hidden = scaled(128, width), scaled(1024, width)
    layers = Layers(
        pool=nn.AvgPool2d(5, 3) if published else nn.AdaptiveAvgPool2d(4),
        conv=unit(in_channels, Conv(filters, 1)),
        flatten=nn.Flatten(),
        fc=nn.Linear(filters * 4 * 4, hidden),
        relu=nn.ReLU(inplace=True),
        dropout=nn.Dropout(0.7),
        output=nn.Linear(hidden, num_classes),
    )
    return nn.Sequential(layers)


def _initialize(network: AuxiliaryNetwork, *, small: bool) -> AuxiliaryNetwork:
    initialize(network, scheme="he" if small else "glorot")
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.bias is not None:
            nn.init.constant_(layer.bias, 0.2)
    return network
