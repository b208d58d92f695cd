"""Weights drawn as pictures, positive green and negative red: filters of a first layer, and what a class looks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.figures.canvas import plain
from training.figures.sheet import draw_sheet, full_weight, weight_group, weight_tiles

MOST_FILTERS = 64
_MOST_CLASSES = 40

Weights = NDArray[np.floating[Any]]


def filters_figure(weights_TCHW: Weights, *, layer: str) -> Figure:
    """Draw the filters of a layer that sees the picture itself.

    Args:
        weights_TCHW: One set per filter or hidden unit; C is 1 for grey, 3 for red, green, blue.
        layer: Its name.

    """
    shown = weights_TCHW[:MOST_FILTERS]
    channels = weights_TCHW.shape[1]
    largest_T = np.abs(shown).max(axis=(1, 2, 3), initial=0.0)
    named = [f"{number}   ±{largest:.2g}" for number, largest in enumerate(largest_T)]
    # each on its own scale: some layers hold filters of very different strength, and their form is what is looked for
    tiles = weight_tiles(shown / np.maximum(largest_T, np.finfo(np.float32).tiny)[:, None, None, None], named)
    wide = channels > 1
    count = f"{len(shown)} of {len(weights_TCHW)}" if len(shown) < len(weights_TCHW) else f"{len(shown)}"
    return draw_sheet(
        [weight_group(tiles, columns=4 if wide else 8, tile_in=1.6 if wide else 0.75, full=1.0)],
        title=f"What the first layer looks for: {count} filters of {layer}",
        notes=(
            "Green is positive, red negative, white zero. Above each filter its number and its largest weight, which "
            "has full colour." + _channels_note(channels)
        ),
    )


def class_weights_figure(weights_KCHW: Weights, labels: Sequence[str]) -> Figure:
    """Draw what a logistic regression learned: one picture per class, the pixels that speak for and against it.

    Args:
        weights_KCHW: Weight of every pixel for every class.
        labels: Class names.

    """
    shown = weights_KCHW[:_MOST_CLASSES]
    channels = weights_KCHW.shape[1]
    tiles = weight_tiles(shown, [plain(label, longest=18) for label in labels[: len(shown)]])
    wide = channels > 1
    return draw_sheet(
        [weight_group(tiles, columns=2 if wide else 5, tile_in=3.2 if wide else 1.25)],
        title="What the logistic regression learned",
        notes=(
            "A bright pixel speaks for the class where it is green (positive) and against it where it is red "
            f"(negative); white is zero, full colour is a weight of ±{full_weight(shown):.2g} or beyond."
            + _channels_note(channels)
        ),
    )


def _channels_note(channels: int) -> str:
    return " Left to right: the weights for the red, the green and the blue channel." if channels == 3 else ""
