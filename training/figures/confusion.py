"""Which class is taken for which: the confusion matrix as a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from training.figures.canvas import INK, canvas, plain

_MOST_WITH_NUMBERS = 20
_MOST_WITH_NAMES = 60


def confusion_figure(counts_KK: NDArray[np.int64], labels: Sequence[str]) -> Figure:
    """Draw true classes down and first guesses across; the colour is the share of the true class.

    Args:
        counts_KK: Pictures by true class and first guess.
        labels: Class names.

    """
    classes = len(labels)
    side_in = 2.6 + min(0.42 * classes, 9.0)
    figure = canvas(side_in + 0.9, side_in)
    axes = figure.subplots()
    totals_K1 = counts_KK.sum(axis=1, keepdims=True)
    shares_KK = counts_KK / np.maximum(totals_K1, 1)
    image = axes.imshow(shares_KK, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, shrink=0.7, format=PercentFormatter(xmax=1), label="of the pictures of the true class")
    axes.set_xlabel("first guess")
    axes.set_ylabel("true class")
    right, n = int(np.trace(counts_KK)), int(counts_KK.sum())
    axes.set_title(f"{n - right:,} of {n:,} pictures are taken for another class", fontsize=10)
    if classes <= _MOST_WITH_NAMES:
        names = [plain(label, longest=18) for label in labels]
        size = 8 if classes <= _MOST_WITH_NUMBERS else 6
        axes.set_xticks(range(classes), names, rotation=90 if classes > 4 else 0, fontsize=size)
        axes.set_yticks(range(classes), names, fontsize=size)
    if classes <= _MOST_WITH_NUMBERS:
        _write_counts(axes, counts_KK, shares_KK)
    return figure


def _write_counts(axes: Axes, counts_KK: NDArray[np.int64], shares_KK: NDArray[np.float64]) -> None:
    for (row, column), count in np.ndenumerate(counts_KK):
        if count:
            color = "white" if shares_KK[row, column] > 0.5 else INK
            axes.text(column, row, f"{count}", ha="center", va="center", fontsize=7, color=color)
