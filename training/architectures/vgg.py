"""VGG: nothing but 3x3 convolutions, and more of them.

Paper: K. Simonyan and A. Zisserman, "Very deep convolutional networks for large-scale image recognition", 2014,
arXiv 1409.1556.

What was new: two 3x3 windows on top of each other see what one 5x5 sees, three what one 7x7 sees, with fewer
weights and more rectifications in between. So depth costs little, and depth is what
helps: errors fall from 11 to 16 layers, and stay there with 19. Second in ImageNet's 2014 contest.

What differs here: weights start as He et al. proposed; the authors trained the 11 layers first and copied them into the
deeper forms, which their random weights would have stalled. The `_bn` forms normalise after
each convolution and keep its bias, as torchvision does. Column C, with 1x1 windows at the end of three blocks, is
`vgg16_c`; A, B, D and E are `vgg11`, `vgg13`, `vgg16` and `vgg19`. Small pictures: fc6 and fc7, which hold 86 % of
`vgg16`'s weights, are left out and the last maps averaged; 28 pixels are padded to 32 inside conv1_1.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from training.architectures.alexnet import Layers, append_classifier
from training.architectures.initialization import initialize
from training.architectures.sizes import PUBLISHED_FROM, side_after, small_stem
from training.architectures.widths import scaled

_FILTERS = (64, 128, 256, 512, 512)
# The sides of the windows, block by block.
_WINDOWS = {
    "A": ((3,), (3,), (3, 3), (3, 3), (3, 3)),
    "B": ((3, 3), (3, 3), (3, 3), (3, 3), (3, 3)),
    "C": ((3, 3), (3, 3), (3, 3, 1), (3, 3, 1), (3, 3, 1)),
    "D": ((3, 3), (3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3)),
    "E": ((3, 3), (3, 3), (3, 3, 3, 3), (3, 3, 3, 3), (3, 3, 3, 3)),
}


def vgg(
    *,
    num_classes: int,
    in_channels: int,
    input_size: int,
    column: str,
    batch_norm: bool = False,
    dropout: float = 0.5,
    width: float = 1.0,
) -> nn.Module:
    """Build one column of the paper's table 1; D has 138,357,544 parameters at 224 pixels and 1,000 classes.

    Args:
        num_classes: width of fc8.
        in_channels: channels of the picture.
        input_size: side of the picture in pixels.
        column: the paper's letter, A to E.
        batch_norm: normalise after each convolution.
        dropout: share of the outputs of fc6 and fc7 that is silenced while training.
        width: factor of all channels and hidden units.
    """
    small = input_size < PUBLISHED_FROM
    filters = [scaled(channels, width) for channels in _FILTERS]
    layers = _features(in_channels, filters, input_size=input_size, column=column, batch_norm=batch_norm)
    if small:
        layers["average"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    append_classifier(
        layers,
        features=filters[-1] * (1 if small else side_after(layers.values(), side=input_size) ** 2),
        widths=() if small else (scaled(4096, width),) * 2,
        num_classes=num_classes,
        dropout=dropout,
        silenced="outputs",
    )
    return _initialize(nn.Sequential(layers))


def _features(in_channels: int, filters: Sequence[int], *, input_size: int, column: str, batch_norm: bool) -> Layers:
    _, extra_padding = small_stem(input_size)
    layers = Layers()
    for block, (count, windows) in enumerate(zip(filters, _WINDOWS[column], strict=True), start=1):
        for number, kernel in enumerate(windows, start=1):
            padding = (kernel - 1) // 2 + extra_padding
            layers[f"conv{block}_{number}"] = nn.Conv2d(in_channels, count, kernel, padding=padding)
            if batch_norm:
                layers[f"norm{block}_{number}"] = nn.BatchNorm2d(count)
            layers[f"relu{block}_{number}"] = nn.ReLU(inplace=True)
            in_channels, extra_padding = count, 0
        layers[f"pool{block}"] = nn.MaxPool2d(2)
    return layers


def _initialize(network: nn.Sequential) -> nn.Sequential:
    initialize(network, scheme="he")
    for layer in network:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.01)
    return network
