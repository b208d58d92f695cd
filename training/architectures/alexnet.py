"""AlexNet: the network that won ImageNet in 2012, and its form in one column.

Papers: A. Krizhevsky, I. Sutskever and G. E. Hinton, "ImageNet classification with deep convolutional neural
networks", NIPS 2012 (`alexnet_2012`); A. Krizhevsky, "One weird trick for parallelizing convolutional neural
networks", 2014, arXiv 1404.5997 (`alexnet`, the form that torchvision has).

What was new: size, because two graphics cards could train it; rectified units, which do not saturate; dropout in
the fully connected layers; pictures cropped, flipped and recoloured; windows of pooling that overlap. In ImageNet's
contest it brought the top-5 error from 26 to 15 per cent.

What differs here: `alexnet_2012` joins the two cards as two groups of channels in conv2, conv4 and conv5. The
paper's 224 pixels do not divide by its stride; a padding of 2 gives its 55x55 maps (with `input_size=227` none is
needed). `alexnet` has no local response normalisation and narrower layers. Small pictures: `alexnet` keeps the
11x11 window with padding, pools by 2/2 and drops fc6 and fc7; `alexnet_2012` starts with 3x3 at stride 1 and has
1,024 units in fc6 and fc7.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Literal

from torch import nn

from training.architectures.errors import chosen
from training.architectures.initialization import Scheme, initialize
from training.architectures.normalization import LocalResponseNorm
from training.architectures.sizes import PUBLISHED_FROM, side_after, small_stem
from training.architectures.widths import scaled

Layers = OrderedDict[str, nn.Module]
InitialWeights = Literal["paper", "he"]


def alexnet(
    *, num_classes: int, in_channels: int, input_size: int, dropout: float = 0.5, width: float = 1.0
) -> nn.Module:
    """Build the one-column AlexNet: 61,100,840 parameters for colour pictures of 224 pixels and 1,000 classes.

    Args:
        num_classes: width of fc8.
        in_channels: channels of the picture.
        input_size: side of the picture in pixels.
        dropout: share of the inputs of fc6 and fc7 that is silenced while training.
        width: factor of all channels and hidden units.
    """
    small = input_size < PUBLISHED_FROM
    stride, padding = small_stem(input_size) if small else (1, 0)
    pool = 2 if small else 3
    conv1, conv2, *others = (scaled(channels, width) for channels in (64, 192, 384, 256, 256))
    layers = Layers(
        conv1=nn.Conv2d(in_channels, conv1, 11, 4 * stride, padding=5 + padding if small else 2),
        relu1=nn.ReLU(inplace=True),
        pool1=nn.MaxPool2d(pool, 2),
        conv2=nn.Conv2d(conv1, conv2, 5, padding=2),
        relu2=nn.ReLU(inplace=True),
        pool2=nn.MaxPool2d(pool, 2),
    )
    append_upper_convolutions(layers, in_channels=conv2, filters=others, pool=nn.MaxPool2d(pool, 2))
    append_classifier(
        layers,
        features=others[-1] * side_after(layers.values(), side=input_size) ** 2,
        widths=() if small else (scaled(4096, width),) * 2,
        num_classes=num_classes,
        dropout=dropout,
        silenced="inputs",
    )
    return initialize(nn.Sequential(layers), scheme="he")


def alexnet_2012(
    *,
    num_classes: int,
    in_channels: int,
    input_size: int,
    dropout: float = 0.5,
    initial_weights: InitialWeights | None = None,
    width: float = 1.0,
) -> nn.Module:
    """Build the AlexNet of the paper: 60,965,224 parameters for colour pictures of 224 pixels and 1,000 classes.

    Args:
        num_classes: width of fc8.
        in_channels: channels of the picture.
        input_size: side of the picture in pixels.
        dropout: share of the inputs of fc6 and fc7 that is silenced while training.
        initial_weights: the paper's or those of He et al.; None takes the paper's at the published size.
        width: factor of all channels and hidden units; channels stay even, half of them for each card.
    """
    small = input_size < PUBLISHED_FROM
    conv1, conv2, *others = (scaled(channels, width, multiple=2) for channels in (96, 256, 384, 384, 256))
    layers = Layers(
        conv1=_first(in_channels, conv1, input_size=input_size),
        relu1=nn.ReLU(inplace=True),
        norm1=LocalResponseNorm(),
        pool1=nn.MaxPool2d(3, 2, padding=int(small)),
        conv2=nn.Conv2d(conv1, conv2, 5, padding=2, groups=2),
        relu2=nn.ReLU(inplace=True),
        norm2=LocalResponseNorm(),
        pool2=nn.MaxPool2d(3, 2, padding=int(small)),
    )
    pool5 = nn.MaxPool2d(3, 2, padding=int(small))
    append_upper_convolutions(layers, in_channels=conv2, filters=others, pool=pool5, cards=2)
    append_classifier(
        layers,
        features=others[-1] * side_after(layers.values(), side=input_size) ** 2,
        widths=(scaled(1024 if small else 4096, width),) * 2,
        num_classes=num_classes,
        dropout=dropout,
        silenced="inputs",
    )
    scheme = weights_scheme(initial_weights, small=small)
    network = initialize(nn.Sequential(layers), scheme=scheme)
    if scheme == "gaussian_001":
        # The paper starts these at 1, so that their rectified units see something positive to learn from.
        for name in ("conv2", "conv4", "conv5", "fc6", "fc7"):
            nn.init.ones_(network.get_submodule(name).get_parameter("bias"))
    return network


def weights_scheme(initial_weights: InitialWeights | None, *, small: bool) -> Scheme:
    """Choose how AlexNet and ZFNet start: by their papers at the published size, by He et al. for small pictures.

    A deviation of 0.01 belongs to pixels of 0 to 255 and to windows of 7 and 11 pixels. Behind a 3x3 window and
    normalised pixels, ZFNet's logits start at 0.00004 and its loss had not moved after 28 steps on CIFAR-10.

    Raises:
        ArchitectureOptionError: an unknown choice.
    """
    choice = initial_weights or ("he" if small else "paper")
    return chosen("initial_weights", choice, among={"paper": "gaussian_001", "he": "he"})


def append_upper_convolutions(
    layers: Layers, *, in_channels: int, filters: Sequence[int], pool: nn.MaxPool2d, cards: int = 1
) -> None:
    """Append conv3, conv4 and conv5, pool5 and the change to plain numbers, as in all AlexNets and in ZFNet.

    Args:
        layers: those below, changed in place.
        in_channels: channels that reach conv3.
        filters: of the three convolutions.
        pool: pool5.
        cards: groups of channels that conv4 and conv5 keep apart.
    """
    for number, count in enumerate(filters, start=3):
        groups = 1 if number == 3 else cards
        layers[f"conv{number}"] = nn.Conv2d(in_channels, count, 3, padding=1, groups=groups)
        layers[f"relu{number}"] = nn.ReLU(inplace=True)
        in_channels = count
    layers["pool5"] = pool
    layers["flatten"] = nn.Flatten()


def append_classifier(
    layers: Layers,
    *,
    features: int,
    widths: Iterable[int],
    num_classes: int,
    dropout: float,
    silenced: Literal["inputs", "outputs"],
) -> None:
    """Append fc6 and fc7 with dropout, and fc8, as in all networks from AlexNet to VGG.

    Args:
        layers: the convolutional part, changed in place.
        features: numbers that reach the first of them.
        widths: units of the hidden layers.
        num_classes: units of fc8.
        dropout: share that is silenced while training.
        silenced: whether dropout sits before or after each hidden layer.
    """
    for number, width in enumerate(widths, start=6):
        if silenced == "inputs":
            layers[f"drop{number}"] = nn.Dropout(dropout)
        layers[f"fc{number}"] = nn.Linear(features, width)
        layers[f"relu{number}"] = nn.ReLU(inplace=True)
        if silenced == "outputs":
            layers[f"drop{number}"] = nn.Dropout(dropout)
        features = width
    layers["fc8"] = nn.Linear(features, num_classes)


def _first(in_channels: int, filters: int, *, input_size: int) -> nn.Conv2d:
    if input_size < PUBLISHED_FROM:
        stride, padding = small_stem(input_size)
        return nn.Conv2d(in_channels, filters, 3, stride, padding=1 + padding)
    fits = (input_size - 11) % 4 == 0
    return nn.Conv2d(in_channels, filters, 11, 4, padding=0 if fits else 2)
