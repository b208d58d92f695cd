"""How a run learned: loss and error of every epoch, on the pictures it trained on and on those held back."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from training.figures.canvas import BLUE, INK, ORANGE, QUIET, canvas, percent
from training.learning.history import EpochRecord, best_of


def learning_curves_figure(records: Sequence[EpochRecord]) -> Figure:
    """Draw loss, error and learning rate over the epochs, the best epoch marked.

    Args:
        records: At least one, in order.

    """
    figure = canvas(9.5, 3.4)
    losses, errors, rates = figure.subplots(1, 3, width_ratios=[4, 4, 3])
    epochs = [record.epoch for record in records]
    best = best_of(records)
    _pair(losses, epochs, [r.training_loss for r in records], [r.validation_loss for r in records])
    losses.set_ylabel("loss")
    _pair(errors, epochs, [r.training_error for r in records], [r.validation_error for r in records])
    errors.set_ylabel("top-1 error")
    errors.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=None))
    errors.plot([best.epoch], [best.validation_error], "o", color=ORANGE, markersize=6, zorder=5)
    errors.set_title(
        f"best epoch {best.epoch}: {percent(best.validation_error)} of validation wrong", fontsize=9, color=INK
    )
    rates.plot(epochs, [record.learning_rate for record in records], color=QUIET, marker=_marker(epochs))
    rates.set_ylabel("learning rate")
    for axes in (losses, errors, rates):
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.25)
    return figure


def _pair(axes: Axes, epochs: Sequence[int], training: Sequence[float], validation: Sequence[float]) -> None:
    """Draw both curves; the training one was summed up while the weights moved, so it lags behind."""
    marker = _marker(epochs)
    axes.plot(epochs, training, color=BLUE, label="training, while learning", marker=marker)
    axes.plot(epochs, validation, color=ORANGE, label="validation, after it", marker=marker)
    axes.legend(fontsize=8, frameon=False)


def _marker(epochs: Sequence[int]) -> str:
    """Show single points as points: a line of one epoch is invisible."""
    return "o" if len(epochs) == 1 else ""
