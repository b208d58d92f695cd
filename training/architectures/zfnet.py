"""ZFNet: AlexNet improved by looking into it.

Paper: M. D. Zeiler and R. Fergus, "Visualizing and understanding convolutional networks", 2013, arXiv 1311.2901.

What was new: feature maps projected back to pixels showed dead filters and aliasing in AlexNet's first layers.
Windows of 7x7 with stride 2, instead of 11x11 with stride 4, cured both, and ImageNet's error fell.

What differs here: one padding pixel at conv1 and at the first two pools, which alone gives the 110, 55, 26, 13 and
6 pixels of the paper's figure 3. Local contrast normalisation is AlexNet's, after pooling. The paper rescales
filters whose root mean square passes 0.1 while training, which matters for pixels of 0 to 255 and hardly for
normalised ones; it belongs to training and is not here. Small pictures: as `alexnet_2012`, without groups.
"""

from __future__ import annotations

from torch import nn

from training.architectures.alexnet import (
    InitialWeights,
    Layers,
    append_classifier,
    append_upper_convolutions,
    weights_scheme,
)
from training.architectures.initialization import initialize
from training.architectures.normalization import LocalResponseNorm
from training.architectures.sizes import PUBLISHED_FROM, side_after, small_stem
from training.architectures.widths import scaled


def zfnet(
    *,
    num_classes: int,
    in_channels: int,
    input_size: int,
    dropout: float = 0.5,
    initial_weights: InitialWeights | None = None,
    width: float = 1.0,
) -> nn.Module:
    """Build ZFNet: 62,357,608 parameters for colour pictures of 224 pixels and 1,000 classes.

    Args:
        num_classes: width of fc8.
        in_channels: channels of the picture.
        input_size: side of the picture in pixels.
        dropout: share of the outputs of fc6 and fc7 that is silenced while training.
        initial_weights: the paper's or those of He et al.; None takes the paper's at the published size.
        width: factor of all channels and hidden units.
    """
    small = input_size < PUBLISHED_FROM
    conv1, conv2, *others = (scaled(channels, width) for channels in (96, 256, 384, 384, 256))
    layers = _lower_layers(in_channels, conv1, conv2, input_size=input_size)
    pool5 = nn.MaxPool2d(3, 2, padding=int(small))
    append_upper_convolutions(layers, in_channels=conv2, filters=others, pool=pool5)
    append_classifier(
        layers,
        features=others[-1] * side_after(layers.values(), side=input_size) ** 2,
        widths=(scaled(1024 if small else 4096, width),) * 2,
        num_classes=num_classes,
        dropout=dropout,
        silenced="outputs",
    )
    return initialize(nn.Sequential(layers), scheme=weights_scheme(initial_weights, small=small))


def _lower_layers(in_channels: int, conv1: int, conv2: int, *, input_size: int) -> Layers:
    small = input_size < PUBLISHED_FROM
    stride, padding = small_stem(input_size) if small else (2, 0)
    kernel = 3 if small else 7
    return Layers(
        conv1=nn.Conv2d(in_channels, conv1, kernel, stride, padding=1 + padding),
        relu1=nn.ReLU(inplace=True),
        pool1=nn.MaxPool2d(3, 2, padding=1),
        norm1=LocalResponseNorm(),
        conv2=nn.Conv2d(conv1, conv2, 5, 1 if small else 2, padding=2 if small else 0),
        relu2=nn.ReLU(inplace=True),
        pool2=nn.MaxPool2d(3, 2, padding=1),
        norm2=LocalResponseNorm(),
    )
