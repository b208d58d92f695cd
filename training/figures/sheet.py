"""A sheet of small pictures in rows: filters, feature maps, photographs, each with a line or two above it.

Positions are counted in inches, so that a tile is as large with one neighbour as with sixty, and text never overlaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from training.figures.canvas import INK, QUIET, WEIGHTS

_LINE_IN = 0.14  # of small print
_HEADING_IN = 0.3
_GAP_IN = 0.1
_MARGIN_IN = 0.15
_NARROWEST_IN = 4.6  # headings need room
_LETTERS_PER_IN = 16.5  # of the small print at the foot


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One small picture.

    Args:
        pixels: [H, W] numbers that go through the colours of the group, or [H, W, 3] bytes shown as they are.
        title: Above it; lines end with a newline.
        color: Of the title.

    """

    pixels: NDArray[Any]
    title: str = ""
    color: str = INK


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Tiles under one heading.

    Args:
        tiles: First to last, row by row.
        heading: Above them.
        columns: Tiles in a row.
        tile_in: Width of a tile in inches.
        colors: For numbers.
        limits: Numbers of the first and last colour; None stretches each tile by itself.
        frame: Draw a thin line around each tile.

    """

    tiles: Sequence[Tile]
    heading: str = ""
    columns: int = 8
    tile_in: float = 0.8
    colors: str | Colormap = "viridis"
    limits: tuple[float, float] | None = None
    frame: bool = False

    @property
    def rows(self) -> int:
        """Rows of tiles."""
        return -(-len(self.tiles) // self.columns)

    @property
    def title_in(self) -> float:
        """Room above each tile."""
        lines = max((tile.title.count("\n") + 1 for tile in self.tiles if tile.title), default=0)
        return lines * _LINE_IN

    @property
    def cell_in(self) -> float:
        """Height of a tile: that of the tallest at the common width."""
        tallest = max((tile.pixels.shape[0] / tile.pixels.shape[1] for tile in self.tiles), default=1.0)
        return self.tile_in * min(tallest, 1.5)

    @property
    def width_in(self) -> float:
        """Width of the widest row."""
        return min(len(self.tiles), self.columns) * (self.tile_in + _GAP_IN) - _GAP_IN

    @property
    def height_in(self) -> float:
        """Height of heading and rows."""
        heading = _HEADING_IN if self.heading else 0.0
        return heading + self.rows * (self.title_in + self.cell_in + _GAP_IN)


def draw_sheet(groups: Sequence[Group], *, title: str, notes: str = "") -> Figure:
    """Draw groups of tiles below each other.

    Args:
        groups: First to last.
        title: Of the sheet.
        notes: Small print at the foot.

    """
    inner_in = max([_NARROWEST_IN, *(group.width_in for group in groups)])
    lines = wrapped(notes, width_in=inner_in) if notes else []
    width_in = inner_in + 2 * _MARGIN_IN
    feet_in = len(lines) * (_LINE_IN + 0.02)
    height_in = 2 * _MARGIN_IN + _HEADING_IN + sum(group.height_in for group in groups) + feet_in
    figure = Figure(figsize=(width_in, height_in), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.text(_MARGIN_IN, _MARGIN_IN, title, fontsize=11, fontweight="bold", color=INK, va="top")
    top_in = _MARGIN_IN + _HEADING_IN
    for group in groups:
        _draw_group(axes, group, top_in=top_in)
        top_in += group.height_in
    for number, line in enumerate(lines):
        axes.text(_MARGIN_IN, top_in + number * (_LINE_IN + 0.02), line, fontsize=7.5, color=QUIET, va="top")
    # after the pictures, each of which would fit the axes to itself
    axes.set_xlim(0, width_in)
    axes.set_ylim(height_in, 0)
    return figure


def weight_tiles(weights_TCHW: NDArray[np.floating[Any]], titles: Sequence[str]) -> list[Tile]:
    """Lay the planes of each set of weights side by side, a column without a number between two planes."""
    tiles = []
    for planes_CHW, title in zip(weights_TCHW, titles, strict=True):
        gap = np.full((planes_CHW.shape[1], max(1, planes_CHW.shape[2] // 8)), np.nan)
        parts = [part for plane_HW in planes_CHW for part in (gap, plane_HW)][1:]
        tiles.append(Tile(pixels=np.concatenate(parts, axis=1), title=title))
    return tiles


def weight_group(
    tiles: Sequence[Tile], *, heading: str = "", columns: int = 8, tile_in: float = 0.8, full: float | None = None
) -> Group:
    """Colour weights on one scale: zero is white, `full` (None: `full_weight`) and beyond full green or full red."""
    largest = full or full_weight(*(tile.pixels for tile in tiles))
    return Group(
        tiles=tiles,
        heading=heading,
        columns=columns,
        tile_in=tile_in,
        colors=WEIGHTS,
        limits=(-largest, largest),
        frame=True,
    )


def full_weight(*weights: NDArray[np.floating[Any]]) -> float:
    """Find the weight of full colour: beyond one in a hundred, so that a few large ones do not bleach the others."""
    sizes = np.concatenate([np.abs(part[~np.isnan(part)]) for part in weights] or [np.zeros(1)])
    return float(np.quantile(sizes, 0.99, method="higher")) or float(sizes.max()) or 1.0


def wrapped(text: str, *, width_in: float) -> list[str]:
    """Break small print into lines that fit."""
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if len(longer) > width_in * _LETTERS_PER_IN and line:
            lines.append(line)
            longer = word
        line = longer
    return [*lines, line]


def _draw_group(axes: Axes, group: Group, *, top_in: float) -> None:
    if group.heading:
        axes.text(_MARGIN_IN, top_in + 0.06, group.heading, fontsize=8.5, color=INK, va="top")
        top_in += _HEADING_IN
    step_in = group.title_in + group.cell_in + _GAP_IN
    for number, tile in enumerate(group.tiles):
        row, column = divmod(number, group.columns)
        left_in = _MARGIN_IN + column * (group.tile_in + _GAP_IN)
        _draw_tile(axes, tile, group, left_in=left_in, top_in=top_in + row * step_in)


def _draw_tile(axes: Axes, tile: Tile, group: Group, *, left_in: float, top_in: float) -> None:
    middle_in = left_in + group.tile_in / 2
    if tile.title:
        at = (middle_in, top_in + group.title_in - 0.02)
        axes.text(*at, tile.title, fontsize=6.5, color=tile.color, ha="center", va="bottom", linespacing=1.1)
    rows, columns = tile.pixels.shape[:2]
    scale_in = min(group.tile_in / columns, group.cell_in / rows)
    width_in, height_in = columns * scale_in, rows * scale_in
    left_in, top_in = middle_in - width_in / 2, top_in + group.title_in
    low, high = group.limits or (None, None)
    axes.imshow(
        tile.pixels,
        cmap=group.colors,
        vmin=low,
        vmax=high,
        interpolation="nearest",
        aspect="auto",
        extent=(left_in, left_in + width_in, top_in + height_in, top_in),
    )
    if group.frame:
        axes.add_patch(Rectangle((left_in, top_in), width_in, height_in, fill=False, color="#bbbbbb", linewidth=0.5))
