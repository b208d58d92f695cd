"""Kirsch's eight edge filters at work on a picture: each answer, the strongest one, and the direction it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.figures.canvas import plain
from training.figures.sheet import Group, Tile, draw_sheet, weight_group, weight_tiles

_FAINTEST = 0.25  # of the strongest answer; below, a direction says nothing


def edges_figure(
    picture_HWC: NDArray[np.uint8],
    *,
    filters_DHW: NDArray[np.floating[Any]],
    answers_DHW: NDArray[np.floating[Any]],
    directions: Sequence[str],
    subject: str,
) -> Figure:
    """Draw what fixed edge filters find.

    Args:
        picture_HWC: The picture.
        filters_DHW: One per direction.
        answers_DHW: Of each filter, rectified, in the size of the picture.
        directions: Names, clockwise from north.
        subject: What the picture shows.

    """
    strongest_HW = answers_DHW.max(axis=0)
    summary = Group(
        tiles=[
            Tile(pixels=picture_HWC, title=plain(subject)),
            Tile(pixels=_grey(strongest_HW), title="strongest answer"),
            Tile(pixels=_directions(answers_DHW), title="its direction"),
        ],
        columns=3,
        tile_in=1.5,
    )
    tiles = weight_tiles(filters_DHW[:, None], list(directions))
    tiles = [replace(tile, color=color) for tile, color in zip(tiles, _title_colors(len(tiles)), strict=True)]
    filters = weight_group(tiles, heading="The eight filters, named in the colours of the directions", tile_in=0.75)
    top = float(answers_DHW.max()) or 1.0
    answers = Group(
        tiles=[Tile(pixels=answer_HW, title=name) for answer_HW, name in zip(answers_DHW, directions, strict=True)],
        heading="What each answers, on one scale",
        columns=8,
        tile_in=0.75,
        colors="gray",
        limits=(0.0, top),
    )
    return draw_sheet(
        [summary, filters, answers],
        title="Edges found by weights that were thought up, not learned",
        notes=(
            "Green weighs +5, red -3, white 0. Each filter answers most to an edge whose bright side faces its "
            f"direction. Directions are coloured where the answer is at least {_FAINTEST:.0%} of the strongest."
        ),
    )


def _title_colors(directions: int) -> list[str]:
    """Give each direction its hue, dark enough to be read on white."""
    hues = [colormaps["hsv"](turn / directions) for turn in range(directions)]
    return [to_hex((0.75 * red, 0.75 * green, 0.75 * blue)) for red, green, blue, _ in hues]


def _grey(values_HW: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    top = float(values_HW.max()) or 1.0
    grey_HW = np.rint(values_HW / top * 255).astype(np.uint8)
    return np.repeat(grey_HW[:, :, None], 3, axis=2)


def _directions(answers_DHW: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Colour each pixel by the direction that answers most, as bright as the answer; the circle of hues closes."""
    strongest_HW = answers_DHW.max(axis=0)
    top = float(strongest_HW.max()) or 1.0
    hue_HW = answers_DHW.argmax(axis=0) / len(answers_DHW)
    color_HWC = colormaps["hsv"](hue_HW)[:, :, :3] * (strongest_HW / top)[:, :, None]
    color_HWC[strongest_HW < _FAINTEST * top] = 0.0
    bytes_HWC: NDArray[np.uint8] = np.rint(color_HWC * 255).astype(np.uint8)
    return bytes_HWC
