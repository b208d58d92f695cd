"""Whether a network is as sure as it is right: accuracy against confidence, and how many pictures stand behind it."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from training.figures.canvas import BLUE, QUIET, canvas
from training.publication.calibration import ConfidenceBin


def reliability_figure(bins: Sequence[ConfidenceBin], *, calibration_error: float) -> Figure:
    """Draw accuracy against confidence, and the number of pictures in each bin below.

    Args:
        bins: Those that hold any picture, by rising confidence.
        calibration_error: Expected calibration error, 0..1.

    """
    figure = canvas(5.0, 5.4)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    above.plot([0, 1], [0, 1], linestyle="--", color=QUIET, linewidth=1, label="as sure as right")
    confidences = [one.confidence for one in bins]
    accuracies = [one.accuracy for one in bins]
    reach = [
        [one.accuracy - one.interval[0] for one in bins],
        [one.interval[1] - one.accuracy for one in bins],
    ]
    above.errorbar(
        confidences,
        accuracies,
        yerr=reach,
        fmt="o-",
        color=BLUE,
        markersize=4,
        linewidth=1,
        capsize=2,
        label="measured",
    )
    above.set_title(f"expected calibration error {100 * calibration_error:.2f} %", fontsize=10)
    above.set_ylabel("share that is right, with 95 % interval")
    above.set_ylim(0, 1.02)
    above.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    above.legend(fontsize=8, frameon=False, loc="upper left")
    above.grid(alpha=0.25)
    widths = [one.high - one.low for one in bins]
    below.bar([one.low for one in bins], [one.n for one in bins], widths, align="edge", color=BLUE)
    below.set_yscale("log")
    below.set_ylim(bottom=0.7)
    below.set_ylabel("pictures")
    below.set_xlabel("probability of the first guess")
    below.set_xlim(0, 1)
    below.xaxis.set_major_formatter(PercentFormatter(xmax=1))
    return figure
