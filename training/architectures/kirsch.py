"""Networks made by hand: edges by Kirsch's filters, and squares found by two layers.

Paper: R. A. Kirsch, "Computer determination of the constituent structure of biological images", Computers and
Biomedical Research 4(3), 1971.

What was new: eight small windows of weights, each answering most to an edge that faces one of eight compass directions;
the strongest answer is the edge, its number the direction. It is a convolutional layer whose weights were thought up
instead of learned, and first layers that are learned look much like it.

What differs here: `kirsch_compass` names the direction in which the picture's edges face, by the mean answer of
each filter where it wins. `kirsch_linear` puts a trained linear layer on the fixed filters. `square_finder` shows
what a second layer is for: the first marks edges, the second looks for four of them around a centre at the distance
that makes a square. Pictures have values from 0 to 1; colours are averaged. The first and the last have nothing to
train.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.architectures.errors import ArchitectureOptionError
from training.architectures.initialization import initialize
from training.architectures.padding import SamePad2d

Layers = OrderedDict[str, nn.Module]

# The eight neighbours of a pixel, clockwise from the upper left; a filter is a run of three fives along this ring.
_RING = ((0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0))
COMPASS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")
_NORTH, _EAST, _SOUTH, _WEST = range(4)

_SQUARE_SIDES = tuple(range(6, 17))
_SILENT_STEP, _FULL_STEP = 0.2, 0.4  # differences of brightness that do not count yet, and that count in full
_SIDES_NEEDED = 3.3  # of 4: room for the half-seen corners of faint squares, none for a missing side


class FixedConv2d(nn.Module):
    """A convolution at stride 1 whose weights are given and never trained.

    Args:
        weight_OIHW: filters; correlated with the picture as they stand, not flipped.
        bias_O: added to each filter's answer; none where None.
        padding: zeros on each side.
    """

    stride = 1
    weight: Tensor
    bias: Tensor

    def __init__(self, weight_OIHW: Tensor, *, bias_O: Tensor | None = None, padding: int = 0) -> None:
        super().__init__()
        self.out_channels, self.in_channels, self.kernel_size, _ = weight_OIHW.shape
        self.padding = padding
        self.register_buffer("weight", weight_OIHW)
        self.register_buffer("bias", torch.zeros(self.out_channels) if bias_O is None else bias_O)

    def forward(self, maps_NCHW: Tensor) -> Tensor:
        """Convolve."""
        return functional.conv2d(maps_NCHW, self.weight, self.bias, padding=self.padding)

    def extra_repr(self) -> str:
        """Show the options in the printed network."""
        return f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, padding={self.padding}"


class StrongestChannel(nn.Module):
    """Keeps at each pixel the largest channel, and those within a thousandth of it, and sets the others to zero.

    At corners two directions answer alike, and the rounding of a runtime should not decide between them.
    """

    def forward(self, maps_NCHW: Tensor) -> Tensor:
        """Let the channels of each pixel compete."""
        return maps_NCHW * (maps_NCHW >= 0.999 * maps_NCHW.amax(dim=1, keepdim=True))


def kirsch_filters() -> Tensor:
    """Give the eight filters as weight_OIHW of shape 8x1x3x3, north first and clockwise; each sums to zero."""
    weight = torch.full((len(COMPASS), 1, 3, 3), -3.0)
    weight[:, :, 1, 1] = 0.0
    for direction in range(len(COMPASS)):
        for step in range(3):
            row, column = _RING[(direction + step) % len(_RING)]
            weight[direction, 0, row, column] = 5.0
    return weight


def kirsch_compass(*, num_classes: int, in_channels: int, input_size: int) -> nn.Module:
    """Build the network whose eight classes are the directions of `COMPASS`; nothing in it is trained.

    Args:
        num_classes: eight.
        in_channels: channels of the picture.
        input_size: side of the picture in pixels; any.

    Raises:
        ArchitectureOptionError: another number of classes.
    """
    _require_classes("kirsch_compass", num_classes, expected=len(COMPASS), size=input_size)
    layers = Layers(
        **_edges(in_channels),
        strongest=StrongestChannel(),
        average=nn.AdaptiveAvgPool2d(1),
        flatten=nn.Flatten(),
    )
    return nn.Sequential(layers)


def kirsch_linear(*, num_classes: int, in_channels: int, input_size: int, pool: int = 4) -> nn.Module:
    """Build fixed edges, a maximum over small regions and one trained layer: 3,930 parameters at 28 pixels.

    Args:
        num_classes: width of the trained layer.
        in_channels: channels of the picture.
        input_size: side of the picture in pixels.
        pool: side of the regions in pixels.
    """
    features = len(COMPASS) * (input_size // pool) ** 2
    layers = Layers(
        **_edges(in_channels, full_step=1.0),
        pool=nn.MaxPool2d(pool),
        flatten=nn.Flatten(),
        output=nn.Linear(features, num_classes),
    )
    return initialize(nn.Sequential(layers), scheme="glorot")


def square_finder(*, num_classes: int, in_channels: int, input_size: int) -> nn.Module:
    """Build the network that tells whether a picture shows an upright square; nothing in it is trained.

    Squares have sides of 6 to 16 pixels, are filled or drawn, keep a pixel from the border and differ from what is
    around them by at least 0.5. Discs of less than 12 pixels are too coarse to be told from squares.

    Args:
        num_classes: two: no square, square.
        in_channels: channels of the picture.
        input_size: side of the picture in pixels; any.

    Raises:
        ArchitectureOptionError: another number of classes.
    """
    _require_classes("square_finder", num_classes, expected=2, size=input_size)
    steps_OIHW = _step_filters().repeat(1, in_channels, 1, 1) / in_channels
    squares_OIHW = _square_filters(_SQUARE_SIDES)
    filters, _, extent, _ = squares_OIHW.shape
    verdict_OIHW = torch.tensor([-10.0, 10.0])[:, None, None, None].repeat(1, filters, 1, 1)
    layers = Layers(
        pad=SamePad2d(3, mode="nearest"),
        steps=FixedConv2d(steps_OIHW, bias_O=torch.full((4,), -_SILENT_STEP)),
        step_units=nn.Hardtanh(0.0, _FULL_STEP - _SILENT_STEP),
        squares=FixedConv2d(squares_OIHW, bias_O=torch.full((filters,), -_SIDES_NEEDED), padding=extent // 2),
        square_units=nn.ReLU(),
        anywhere=nn.AdaptiveMaxPool2d(1),
        verdict=FixedConv2d(verdict_OIHW, bias_O=torch.tensor([1.0, -1.0])),
        flatten=nn.Flatten(),
    )
    return nn.Sequential(layers)


def _edges(in_channels: int, *, full_step: float = 15.0) -> Layers:
    """Build the fixed filters; a straight edge from 0 to 1 answers with `full_step`."""
    weight_OIHW = kirsch_filters().repeat(1, in_channels, 1, 1) * (full_step / 15) / in_channels
    # The nearest pixel beyond the border, because zeros there would be an edge around every picture.
    return Layers(pad=SamePad2d(3, mode="nearest"), edges=FixedConv2d(weight_OIHW), relu=nn.ReLU())


def _step_filters() -> Tensor:
    """Give filters for steps up to the north, east, south and west, which answer in one row and not in two."""
    south = torch.tensor([[0.0, 0.0, 0.0], [-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]]) / 3
    return torch.stack([south.flip(0), south.T, south, south.T.flip(1)])[:, None]


def _square_filters(sides: Sequence[int]) -> Tensor:
    """Give two filters per side, for bright and for dark squares, over the steps; on its own square each sums to 4."""
    extent = max(sides) + 3 - max(sides) % 2  # odd, and at least one pixel more than the largest square all around
    weight = torch.zeros(2 * len(sides), 4, extent, extent)
    for number, side in enumerate(sides):
        share = 1 / (side * (_FULL_STEP - _SILENT_STEP))
        before = (extent - side) // 2
        inside, after = slice(before, before + side), before + side
        bright, dark = weight[2 * number], weight[2 * number + 1]
        # Above a bright square the step goes up to the south; its ring of steps lies one pixel outside.
        bright[_SOUTH, before - 1, inside] = bright[_NORTH, after, inside] = share
        bright[_EAST, inside, before - 1] = bright[_WEST, inside, after] = share
        # A dark square's steps go up outwards and lie on its own outermost pixels.
        dark[_NORTH, before, inside] = dark[_SOUTH, after - 1, inside] = share
        dark[_WEST, inside, before] = dark[_EAST, inside, after - 1] = share
    return weight


def _require_classes(name: str, num_classes: int, *, expected: int, size: int) -> None:
    if num_classes != expected:
        raise ArchitectureOptionError(f"{name} is made by hand for {expected} classes, not {num_classes}.")
    if size < 3:
        raise ArchitectureOptionError(f"{name} needs pictures of at least 3 pixels, not {size}.")
