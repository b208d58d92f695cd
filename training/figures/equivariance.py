"""A shifted picture gives shifted feature maps: shown for one stage, and measured for every stage and every shift.

Where the shift is a multiple of the stage's stride, convolution and pooling give exactly the shifted map, borders left
aside. In between they cannot, and how little that changes what comes out in the end is the near-invariance that
pooling brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from training.figures.canvas import BLUE, ORANGE, canvas

_MARKERS = "osD^vP*X"


@dataclass(frozen=True, slots=True)
class StageShifts:
    """What shifts of the picture do to one stage.

    Args:
        name: Of the layer.
        stride: Pixels between two places of its maps.
        differences: For each shift, the difference from the shifted maps as a share of their size, measured where
            neither the border nor what came in at it is seen; None where no such place is left.

    """

    name: str
    stride: int
    differences: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class ShownShift:
    """One shift of one picture in pictures.

    Args:
        stage: Name of the stage.
        shift: In pixels to the right.
        picture_HWC: The picture.
        shifted_HWC: The picture after the shift.
        map_HW: The map that varies most.
        map_of_shifted_HW: The same map for the shifted picture.
        difference_HW: Between the shifted map and the map of the shifted picture; NaN where the border is seen.

    """

    stage: str
    shift: int
    picture_HWC: NDArray[np.uint8]  # noqa: N815  # axes in the name
    shifted_HWC: NDArray[np.uint8]  # noqa: N815  # axes in the name
    map_HW: NDArray[np.floating[Any]]  # noqa: N815  # axes in the name
    map_of_shifted_HW: NDArray[np.floating[Any]]  # noqa: N815  # axes in the name
    difference_HW: NDArray[np.floating[Any]]  # noqa: N815  # axes in the name


def equivariance_figure(
    shown: ShownShift, *, shifts: Sequence[int], stages: Sequence[StageShifts], answer_changes: Sequence[float]
) -> Figure:
    """Draw one shift in pictures and all shifts as curves.

    Args:
        shown: A shift by the stride of a stage.
        shifts: In pixels to the right, rising from 0.
        stages: First to last.
        answer_changes: For each shift, how much of the probability moved to other classes, 0..1.

    """
    figure = canvas(10.5, 5.8)
    figure.suptitle("Does a shifted picture give shifted feature maps?", fontsize=11)
    grid = GridSpec(2, 1, figure=figure, height_ratios=[1, 1.35])
    _draw_pictures(figure, grid[0].subgridspec(1, 5), shown)
    curves = grid[1].subgridspec(1, 2, width_ratios=[2, 1])
    _draw_stages(figure, curves[0], shifts=shifts, stages=stages)
    answers = figure.add_subplot(curves[1])
    answers.plot(shifts, answer_changes, "o-", color=ORANGE, markersize=3)
    answers.set_title("what becomes of the answer", fontsize=9)
    answers.set_xlabel("shift in pixels", fontsize=8)
    answers.set_ylabel("probability that changes sides", fontsize=8)
    answers.set_ylim(-0.02, 1.02)
    answers.xaxis.set_major_locator(MaxNLocator(integer=True))
    answers.tick_params(labelsize=7)
    answers.grid(alpha=0.25)
    return figure


def _draw_pictures(figure: Figure, cells: Any, shown: ShownShift) -> None:  # noqa: ANN401  Matplotlib's own grid
    highest = max(float(np.abs(shown.map_HW).max()), float(np.abs(shown.map_of_shifted_HW).max())) or 1.0
    known = shown.difference_HW[~np.isnan(shown.difference_HW)]
    largest = _in_words(float(known.max())) if known.size else "no place left"
    pictures: list[tuple[NDArray[Any], str]] = [
        (shown.picture_HWC, "the picture"),
        (shown.map_HW, f"one of its maps,\nafter {shown.stage}"),
        (shown.shifted_HWC, f"shifted by {shown.shift} pixel{'' if shown.shift == 1 else 's'}"),
        (shown.map_of_shifted_HW, "the map of that"),
        (shown.difference_HW, f"its difference from the first map,\nshifted: {largest}"),
    ]
    for cell, (pixels, title) in enumerate(pictures):
        axes = figure.add_subplot(cells[cell])
        axes.set_facecolor("#dddddd")
        high = highest if pixels.ndim == 2 else None
        axes.imshow(pixels, cmap="viridis", vmin=0.0 if cell == 4 else None, vmax=high, interpolation="nearest")
        axes.set_title(title, fontsize=8)
        axes.set_xticks([])
        axes.set_yticks([])


def _draw_stages(figure: Figure, cell: Any, *, shifts: Sequence[int], stages: Sequence[StageShifts]) -> None:  # noqa: ANN401  as above
    axes = figure.add_subplot(cell)
    shades = np.linspace(0.3, 1.0, max(len(stages), 1))
    for number, stage in enumerate(stages):
        known = [(shift, gap) for shift, gap in zip(shifts, stage.differences, strict=True) if gap is not None]
        label = f"{stage.name}, stride {stage.stride}"
        if not known:
            axes.plot([], [], linestyle="", label=f"{label}:\nevery place sees the border")
        else:
            places, gaps = zip(*known, strict=True)
            marker, shade = _MARKERS[number % len(_MARKERS)], float(shades[number])
            axes.plot(places, gaps, marker=marker, markersize=4, linewidth=1, color=BLUE, alpha=shade, label=label)
    exact = largest_at_strides(shifts, stages)
    axes.set_title(
        f"difference from the shifted maps, as a share of them;\nat multiples of the stride {exact}", fontsize=9
    )
    axes.set_xlabel("shift in pixels", fontsize=8)
    axes.set_xlim(shifts[0] - 0.5, shifts[-1] + 0.5)
    axes.set_ylim(bottom=-0.02, top=max(0.1, axes.get_ylim()[1]))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.tick_params(labelsize=7)
    axes.legend(fontsize=7, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.grid(alpha=0.25)


def largest_at_strides(shifts: Sequence[int], stages: Sequence[StageShifts]) -> str:
    """Say how far from exact the maps are where the shift is a multiple of the stride."""
    gaps = [
        gap
        for stage in stages
        for shift, gap in zip(shifts, stage.differences, strict=True)
        if gap is not None and shift and shift % stage.stride == 0
    ]
    if not gaps:
        return "no place is free of the border"
    return _in_words(max(gaps))


def _in_words(gap: float) -> str:
    return f"at most {gap:.0e}" if gap else "exactly 0"
