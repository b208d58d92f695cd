"""Which classes are hard: the error of each with its interval, hardest first."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from training.figures.canvas import BLUE, QUIET, canvas, plain

MOST_CLASSES = 40


def errors_by_class_figure(
    labels: Sequence[str],
    *,
    errors: Sequence[float],
    intervals: Sequence[tuple[float, float]],
    overall: float,
) -> Figure:
    """Draw one line per class.

    Args:
        labels: Class names, one at least.
        errors: Share of wrong first guesses of each class.
        intervals: 95 % interval of each.
        overall: Error over all pictures.

    """
    order = sorted(range(len(labels)), key=lambda index: errors[index], reverse=True)[:MOST_CLASSES]
    figure = canvas(6.4, 1.3 + 0.27 * len(order))
    axes = figure.subplots()
    reach = [
        [errors[index] - intervals[index][0] for index in order],
        [intervals[index][1] - errors[index] for index in order],
    ]
    places = range(len(order))
    axes.axvline(overall, color=QUIET, linestyle="--", linewidth=1, label=f"all classes, {100 * overall:.2f} %")
    axes.errorbar([errors[index] for index in order], places, xerr=reach, fmt="o", color=BLUE, markersize=5, capsize=3)
    axes.set_yticks(places, [plain(labels[index]) for index in order], fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(PercentFormatter(xmax=1))
    axes.set_xlabel("top-1 error, with 95 % interval")
    if len(order) < len(labels):
        axes.set_title(f"the {len(order)} hardest of {len(labels)} classes", fontsize=10)
    axes.legend(fontsize=8, frameon=False, loc="lower right")
    axes.grid(axis="x", alpha=0.25)
    return figure
