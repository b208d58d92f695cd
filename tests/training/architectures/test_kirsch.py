"""The handmade networks answer to drawn edges and squares as their maker promised."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from training.architectures import ArchitectureOptionError, build
from training.architectures.kirsch import COMPASS, FixedConv2d, StrongestChannel, kirsch_filters

STEPS = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))  # rows and columns, as COMPASS


def _grid(side: int = 32) -> tuple[Tensor, Tensor]:
    middle = torch.arange(float(side)) - (side - 1) / 2
    rows, columns = torch.meshgrid(middle, middle, indexing="ij")
    return rows, columns


def _rectangle(top: int, left: int, height: int, width: int, *, brightness: float = 0.9) -> Tensor:
    picture = 0.1 * torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(top * 100 + left))
    picture[..., top : top + height, left : left + width] = brightness
    return picture


def _is_square(picture: Tensor) -> bool:
    in_channels = picture.shape[1]
    return bool(build("square_finder", in_channels=in_channels).eval()(picture).argmax() == 1)


def test_filters_are_kirschs() -> None:
    """Three fives in a row, five threes below zero, turned by 45 degrees seven times, each summing to zero."""
    weight = kirsch_filters()
    assert weight.shape == (8, 1, 3, 3)
    assert weight[0, 0].tolist() == [[5, 5, 5], [-3, 0, -3], [-3, -3, -3]]
    assert weight[1, 0].tolist() == [[-3, 5, 5], [-3, 0, 5], [-3, -3, -3]]
    assert weight.sum(dim=(1, 2, 3)).tolist() == [0] * 8
    for quarter in range(4):  # an even filter turned by 90 degrees is the one two further on
        assert torch.equal(weight[(2 * quarter + 2) % 8, 0], weight[2 * quarter, 0].rot90(-1))


@pytest.mark.parametrize("direction", range(8), ids=COMPASS)
def test_compass_names_the_direction_that_is_bright(direction: int) -> None:
    """A picture bright to the north is an edge that faces north, not south: the filter is not flipped."""
    rows, columns = _grid()
    towards = rows * STEPS[direction][0] + columns * STEPS[direction][1] > 0
    network = build("kirsch_compass").eval()
    assert int(network(towards.float()[None, None]).argmax()) == direction


def test_compass_is_silent_on_an_even_picture_border_included() -> None:
    """The border repeats the nearest pixel, so that it is no edge."""
    strengths = build("kirsch_compass")(torch.full((1, 1, 32, 32), 0.7))
    torch.testing.assert_close(strengths, torch.zeros(1, 8), atol=1e-5, rtol=0)


def test_compass_averages_colours() -> None:
    """A grey picture and the same as colour give the same answer."""
    grey = _rectangle(8, 8, 10, 14)
    torch.testing.assert_close(
        build("kirsch_compass", in_channels=3)(grey.expand(1, 3, 32, 32)), build("kirsch_compass")(grey)
    )


def test_strongest_channel_silences_the_others() -> None:
    """At each pixel on its own."""
    maps = torch.tensor([[1.0, 5.0], [2.0, 4.0]]).view(1, 2, 1, 2)
    assert StrongestChannel()(maps).flatten().tolist() == [0.0, 5.0, 2.0, 0.0]


@pytest.mark.parametrize("name", ["kirsch_compass", "square_finder"])
def test_handmade_networks_have_nothing_to_train(name: str) -> None:
    """Their weights are buffers: saved and moved with the network, and seen by no optimiser."""
    network = build(name)
    assert list(network.parameters()) == []
    assert any(key.endswith("weight") for key in network.state_dict())


def test_linear_layer_on_fixed_edges_trains_alone() -> None:
    """7 x 7 regions of 8 edge maps, 10 classes."""
    network = build("kirsch_linear")
    assert [name for name, _ in network.named_parameters()] == ["output.weight", "output.bias"]
    assert sum(weights.numel() for weights in network.parameters()) == 3_930
    edges = network.get_submodule("edges")
    assert isinstance(edges, FixedConv2d)
    torch.testing.assert_close(edges.weight, kirsch_filters() / 15)


@pytest.mark.parametrize("side", range(6, 17))
def test_finder_sees_squares_of_every_promised_size_anywhere(side: int) -> None:
    """In the corners, in the middle, one pixel from the border, bright on dark and dark on bright."""
    for top, left in ((1, 1), (1, 31 - side), (31 - side, 1), ((32 - side) // 2, (32 - side) // 2)):
        picture = _rectangle(top, left, side, side)
        assert _is_square(picture)
        assert _is_square(1 - picture)


@pytest.mark.parametrize("side", [8, 12, 16])
def test_finder_sees_drawn_squares(side: int) -> None:
    """An outline one pixel wide has the same outer edges."""
    picture = _rectangle(6, 7, side, side)
    picture[..., 7 : 5 + side, 8 : 6 + side] = 0.0
    assert _is_square(picture)


@pytest.mark.parametrize("contrast", [0.5, 0.7, 1.0])
def test_finder_sees_squares_from_half_the_brightness_on(contrast: float) -> None:
    """Without noise, down to the contrast that it promises."""
    picture = torch.zeros(1, 1, 32, 32)
    picture[..., 9:19, 9:19] = contrast
    assert _is_square(picture)
    assert _is_square(picture.expand(1, 3, 32, 32))


@pytest.mark.parametrize(("height", "width"), [(6, 8), (8, 12), (12, 8), (16, 10), (10, 31), (2, 2), (20, 20)])
def test_finder_passes_over_rectangles_and_other_sizes(height: int, width: int) -> None:
    """Four sides are not enough; they must be equally far apart, and as far as one of its filters."""
    assert not _is_square(_rectangle(1, 0 if width == 31 else 1, height, width))


def test_finder_passes_over_what_is_no_square() -> None:
    """Discs, diamonds, crosses, stripes, an angle, noise and nothing."""
    rows, columns = _grid()
    angle = _rectangle(6, 6, 12, 12)
    angle[..., 8:18, 8:18] = 0.0  # two sides are left
    shapes = {
        "disc": rows**2 + columns**2 <= 7**2,
        "diamond": rows.abs() + columns.abs() <= 9,
        "cross": (rows.abs() < 2) | (columns.abs() < 2),
        "stripes": (rows / 5).floor() % 2 == 0,
    }
    pictures = {name: shape.float()[None, None] for name, shape in shapes.items()}
    pictures |= {"angle": angle, "nothing": torch.zeros(1, 1, 32, 32)}
    pictures |= {"noise": torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))}
    assert [name for name, picture in pictures.items() if _is_square(picture)] == []


def test_second_layer_is_what_finds_squares() -> None:
    """The first layer answers to a long edge as strongly as to a square; only the second tells them apart."""
    network = build("square_finder").eval()
    first = torch.nn.Sequential(*list(network.children())[:3])
    square, bar = _rectangle(8, 8, 12, 12), _rectangle(8, 2, 12, 28)
    assert math.isclose(float(first(square).max()), float(first(bar).max()))
    assert _is_square(square)
    assert not _is_square(bar)


@pytest.mark.parametrize(("name", "classes"), [("kirsch_compass", 8), ("square_finder", 2)])
def test_handmade_networks_refuse_other_classes(name: str, classes: int) -> None:
    """Nobody has drawn filters for them."""
    with pytest.raises(ArchitectureOptionError, match=f"by hand for {classes} classes, not 10"):
        build(name, num_classes=10)


def test_handmade_networks_refuse_pictures_without_an_inside() -> None:
    """A 3x3 window needs three pixels."""
    with pytest.raises(ArchitectureOptionError, match="at least 3 pixels"):
        build("kirsch_compass", input_size=2)
