"""The mistakes a network is surest of, as a sheet of pictures: label errors and real confusions show at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.figures.canvas import plain
from training.figures.sheet import Group, Tile, draw_sheet


@dataclass(frozen=True, slots=True)
class MistakenPicture:
    """One picture that was taken for something else.

    Args:
        pixels_HWC: As a person sees it.
        true: Name of its class.
        predicted: Name of the first guess.
        probability: Of the first guess.

    """

    pixels_HWC: NDArray[np.uint8]  # noqa: N815  # axes in the name
    true: str
    predicted: str
    probability: float


def mistakes_figure(pictures: Sequence[MistakenPicture], *, wrong: int, n: int) -> Figure:
    """Draw pictures with what they are and what they were taken for.

    Args:
        pictures: Surest mistake first; at least one.
        wrong: Number of all mistakes.
        n: Number of all pictures.

    """
    tiles = [
        Tile(
            pixels=picture.pixels_HWC,
            title=(
                f"{plain(picture.true, longest=22)}\ntaken for {plain(picture.predicted, longest=17)}\n"
                f"with {picture.probability:.1%}"
            ),
        )
        for picture in pictures
    ]
    return draw_sheet(
        [Group(tiles=tiles, columns=6, tile_in=1.3)],
        title=f"The {len(pictures)} surest of {wrong:,} mistakes in {n:,} pictures",
    )
