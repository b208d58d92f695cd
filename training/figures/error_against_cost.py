"""What accuracy costs: the error of networks against the multiply-adds that one picture takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, PercentFormatter

from training.figures.canvas import BLUE, INK, canvas, plain

_BESIDE: Final = (5, 4)  # points from the middle of a mark to its number


@dataclass(frozen=True, slots=True)
class CostPoint:
    """One network.

    Args:
        name: As it is written in the list.
        multiply_adds: Of one picture, above 0.
        error: Share of wrong first guesses, mean over seeds.
        deviation: Standard deviation over seeds; None for a single one.

    """

    name: str
    multiply_adds: int
    error: float
    deviation: float | None


def error_against_cost_figure(points: Sequence[CostPoint], *, dataset: str, epochs: int) -> Figure:
    """Draw the networks over a logarithmic axis of cost, numbered by it, with their deviation over seeds as bars.

    Args:
        points: At least one.
        dataset: Whose test pictures.
        epochs: Of every training.

    """
    figure = canvas(9.0, 4.8)
    axes = figure.subplots()
    for number, point in enumerate(sorted(points, key=lambda point: point.multiply_adds), start=1):
        axes.errorbar(
            [point.multiply_adds],
            [point.error],
            yerr=None if point.deviation is None else [point.deviation],
            fmt="o",
            color=BLUE,
            markersize=5,
            capsize=3,
            label=f"{number}  {plain(point.name)}",
        )
        axes.annotate(
            str(number),
            (point.multiply_adds, point.error),
            xytext=_BESIDE,
            textcoords="offset points",
            fontsize=9,
            color=INK,
        )
    # names beside the points would write over each other where networks cost alike
    figure.legend(loc="outside right upper", frameon=False, fontsize=9, handlelength=0, markerscale=0)
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
