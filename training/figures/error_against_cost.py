"""What accuracy costs: the error of networks against the multiply-adds that one picture takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, PercentFormatter

from training.figures.canvas import BLUE, INK, canvas, plain

_OFFSETS: Final = ((7, 5), (7, -12))  # points; neighbours in cost write above and below in turn


@dataclass(frozen=True, slots=True)
class CostPoint:
    """One network.

    Args:
        name: As it is written beside the point.
        multiply_adds: Of one picture, above 0.
        error: Share of wrong first guesses, mean over seeds.
        deviation: Standard deviation over seeds; None for a single one.

    """

    name: str
    multiply_adds: int
    error: float
    deviation: float | None


def error_against_cost_figure(points: Sequence[CostPoint], *, dataset: str, epochs: int) -> Figure:
    """Draw the networks over a logarithmic axis of cost, with their deviation over seeds as bars.

    Args:
        points: At least one.
        dataset: Whose test pictures.
        epochs: Of every training.

    """
    figure = canvas(8.0, 4.8)
    axes = figure.subplots()
    for number, point in enumerate(sorted(points, key=lambda point: point.multiply_adds)):
        axes.errorbar(
            [point.multiply_adds],
            [point.error],
            yerr=None if point.deviation is None else [point.deviation],
            fmt="o",
            color=BLUE,
            markersize=6,
            capsize=3,
        )
        axes.annotate(
            plain(point.name),
            (point.multiply_adds, point.error),
            xytext=_OFFSETS[number % len(_OFFSETS)],
            textcoords="offset points",
            fontsize=9,
            color=INK,
        )
    axes.set_xscale("log")
    axes.margins(x=0.12, y=0.1)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    axes.set_xlabel("multiply-adds of a picture")
    axes.set_ylabel("top-1 error")
    axes.set_title(f"{plain(dataset)}, {epochs} epochs; bars: standard deviation over seeds", fontsize=10)
    axes.grid(alpha=0.25, which="major")
    return figure
