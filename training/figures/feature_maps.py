"""What a network makes of one picture on its way: a few feature maps of every stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.figures.sheet import Group, Tile, draw_sheet

_MAPS = 16
_COLUMNS = 8


@dataclass(frozen=True, slots=True)
class Stage:
    """The last feature maps of one size on the way through a network.

    Args:
        name: Of the layer that gives them.
        maps_CHW: For one picture.

    """

    name: str
    maps_CHW: NDArray[np.floating[Any]]  # noqa: N815  # axes in the name


def feature_maps_figure(picture_HWC: NDArray[np.uint8], stages: Sequence[Stage], *, subject: str) -> Figure:
    """Draw the maps of every stage that vary most over the picture.

    Args:
        picture_HWC: As the network sees it, before mean and std.
        stages: First to last.
        subject: What the picture shows.

    """
    groups = [Group(tiles=[Tile(pixels=picture_HWC)], tile_in=1.2, heading=subject)]
    groups += [_group(stage) for stage in stages]
    return draw_sheet(
        groups,
        title="What the network makes of a picture",
        notes=(
            "Of each stage the maps that vary most; the number is that of the channel. Each map is stretched from its "
            "own lowest value (dark) to its highest (light); a flat one stays dark."
        ),
    )


def _group(stage: Stage) -> Group:
    channels, height, width = stage.maps_CHW.shape
    variation_C = stage.maps_CHW.std(axis=(1, 2))
    chosen = np.sort(np.argsort(-variation_C, kind="stable")[:_MAPS])
    silent = int((variation_C == 0).sum())
    count = (
        f"{len(chosen)} of {channels} maps"
        if len(chosen) < channels
        else f"{channels} map{'' if channels == 1 else 's'}"
    )
    flat = f", {silent} of them flat" if silent else ""
    return Group(
        tiles=[Tile(pixels=stage.maps_CHW[channel], title=str(channel)) for channel in chosen],
        heading=f"{stage.name}: {count} of {height}x{width}{flat}",
        columns=_COLUMNS,
        tile_in=0.75,
        frame=True,
    )
