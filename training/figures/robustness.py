"""How the error grows as pictures get worse: one small diagram per kind of change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from training.figures.canvas import ORANGE, QUIET, canvas

_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class Series:
    """The error under one kind of change.

    Args:
        title: What was done to the pictures.
        strengths: In words, in the order in which they are drawn.
        errors: Share of wrong first guesses at each strength.
        intervals: 95 % interval of each.

    """

    title: str
    strengths: Sequence[str]
    errors: Sequence[float]
    intervals: Sequence[tuple[float, float]]


def robustness_figure(
    series: Sequence[Series], *, clean_error: float, clean_interval: tuple[float, float], pictures: int
) -> Figure:
    """Draw every kind of change on one scale, the error on unchanged pictures as a line.

    Args:
        series: At least one.
        clean_error: Error on the same pictures unchanged.
        clean_interval: Its 95 % interval.
        pictures: Number of pictures that were changed.

    """
    rows = -(-len(series) // _COLUMNS)
    columns = -(-len(series) // rows)
    figure = canvas(2.4 * columns + 0.4, 2.3 * rows + 0.5)
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes, kind in zip(grid.flat, series, strict=False):
        axes.axhspan(*clean_interval, color=QUIET, alpha=0.2, linewidth=0)
        axes.axhline(clean_error, color=QUIET, linestyle="--", linewidth=1)
        _draw(axes, kind)
    for axes in grid.flat[len(series) :]:
        axes.set_axis_off()
    for row in grid:
        row[0].set_ylabel("top-1 error")
    figure.suptitle(
        f"{pictures:,} changed test pictures; dashed: the same ones unchanged; bars and band: 95 % intervals",
        fontsize=9,
    )
    return figure


def _draw(axes: Axes, kind: Series) -> None:
    places = range(len(kind.strengths))
    reach = [
        [error - low for error, (low, _) in zip(kind.errors, kind.intervals, strict=True)],
        [high - error for error, (_, high) in zip(kind.errors, kind.intervals, strict=True)],
    ]
    axes.errorbar(places, kind.errors, yerr=reach, fmt="o-", color=ORANGE, markersize=4, capsize=3, linewidth=1)
    axes.set_title(kind.title, fontsize=9)
    axes.set_xticks(places, kind.strengths, fontsize=7.5)
    axes.set_xlim(-0.5, len(kind.strengths) - 0.5)
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    axes.grid(axis="y", alpha=0.25)
