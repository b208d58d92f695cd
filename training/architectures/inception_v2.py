"""Inception v2: GoogLeNet with batch normalisation (BN-Inception).

Paper: S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network training by reducing internal
covariate shift", 2015, arXiv 1502.03167.

What was new: every convolution's output is brought to zero mean and unit variance over the batch, then scaled and
shifted by learned numbers. Learning rates could be thirty times higher, initial weights mattered less, and the
network reached GoogLeNet's accuracy in a fourteenth of the steps. Dropout, local response normalisation and
auxiliary heads went. Two 3x3 convolutions stand where one 5x5 stood, and grids shrink inside the modules 3c and 4e.

What differs here: the paper's table contradicts itself at 4c and 4d (128 filters after the pool cannot give 576
channels). `reading="caffe"`, the default at the published size, takes the 128 and biases; `reading="slim"`, the default
for small pictures, takes the depth and hence 96, and no biases. The paper's separable first convolution is a plain 7x7.
The pools of 3c and 4e are padded by one pixel, so that they agree with the strided convolutions beside them at every
size. A later paper calls another network Inception-v2. Small pictures: the stem is one 3x3 convolution.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import Literal

from torch import nn

from training.architectures.blocks import Branches, Chain, Conv, chain, channels_after
from training.architectures.errors import chosen
from training.architectures.initialization import initialize
from training.architectures.sizes import HALVED_FROM, PUBLISHED_FROM
from training.architectures.widths import scaled

Reading = Literal["caffe", "slim"]

# name: 1x1; 3x3 reduction and 3x3; double 3x3 reduction and filters; kind of pool, 1x1 after it (0: stride 2,
# passed through)
_MODULES: dict[str, tuple[int, int, int, int, int, str, int]] = {
    "inception_3a": (64, 64, 64, 64, 96, "average", 32),
    "inception_3b": (64, 64, 96, 64, 96, "average", 64),
    "inception_3c": (0, 128, 160, 64, 96, "max", 0),
    "inception_4a": (224, 64, 96, 96, 128, "average", 128),
    "inception_4b": (192, 96, 128, 96, 128, "average", 128),
    "inception_4c": (160, 128, 160, 128, 160, "average", 128),
    "inception_4d": (96, 128, 192, 160, 192, "average", 128),
    "inception_4e": (0, 128, 192, 192, 256, "max", 0),
    "inception_5a": (352, 192, 320, 160, 224, "average", 128),
    "inception_5b": (352, 192, 320, 192, 224, "max", 128),
}
# Biases or none, and other widths after the pool.
_READINGS: dict[str, tuple[bool, dict[str, int]]] = {
    "caffe": (True, {}),
    "slim": (False, {"inception_4c": 96, "inception_4d": 96}),
}


def inception_v2(
    *, num_classes: int, in_channels: int, input_size: int, reading: Reading | None = None, width: float = 1.0
) -> nn.Module:
    """Build BN-Inception: 11,295,240 parameters for colour pictures of 224 pixels and 1,000 classes.

    Args:
        num_classes: width of the last layer.
        in_channels: channels of the picture.
        input_size: side of the picture in pixels.
        reading: whose reading of the paper's table, see above.
        width: factor of all channels.
    """
    small = input_size < PUBLISHED_FROM
    bias, reprojected = chosen("reading", reading or ("slim" if small else "caffe"), among=_READINGS)
    unit = partial(chain, bias=bias, width=width)
    layers = _stem(in_channels, input_size=input_size, unit=unit)
    channels = scaled(192, width)
    for name, (single, reduce3, three, reduce5, double, pool, projection) in _MODULES.items():
        projected = reprojected.get(name, projection)
        widths = (single, reduce3, three, reduce5, double, projected)
        layers[name] = _inception(channels, widths, pool=pool, unit=unit)
        channels = channels_after(layers[name], channels)
    layers["average"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["output"] = nn.Linear(channels, num_classes)
    return initialize(nn.Sequential(layers), scheme="he_fan_in")


def _stem(in_channels: int, *, input_size: int, unit: Chain) -> OrderedDict[str, nn.Module]:
    if input_size < PUBLISHED_FROM:
        stride = 2 if input_size >= HALVED_FROM else 1
        return OrderedDict(conv2=unit(in_channels, Conv(192, 3, stride=stride)))
    conv1 = unit(in_channels, Conv(64, 7, stride=2))
    return OrderedDict(
        conv1=conv1,
        pool1=nn.MaxPool2d(3, 2, ceil_mode=True),
        conv2=unit(channels_after(conv1, in_channels), Conv(64, 1), Conv(192, 3)),
        pool2=nn.MaxPool2d(3, 2, ceil_mode=True),
    )


def _inception(in_channels: int, widths: tuple[int, ...], *, pool: str, unit: Chain) -> Branches:
    single, reduce3, three, reduce5, double, projection = widths
    branch = partial(unit, in_channels)
    if not projection:
        return Branches(
            branch(Conv(reduce3, 1), Conv(three, 3, stride=2)),
            branch(Conv(reduce5, 1), Conv(double, 3), Conv(double, 3, stride=2)),
            nn.MaxPool2d(3, 2, padding=1),
        )
    pooling = nn.AvgPool2d(3, 1, padding=1) if pool == "average" else nn.MaxPool2d(3, 1, padding=1)
    return Branches(
        branch(Conv(single, 1)),
        branch(Conv(reduce3, 1), Conv(three, 3)),
        branch(Conv(reduce5, 1), Conv(double, 3), Conv(double, 3)),
        branch(pooling, Conv(projection, 1)),
    )
