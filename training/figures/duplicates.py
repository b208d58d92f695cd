"""Hidden features that do the same work twice: weights of two units that point in one direction, or in opposite ones.

|cosine| is 1 for such a pair and near 0 for unrelated weights, but in few dimensions a near twin is found by chance
too, so every layer is compared with random weights of its shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from training.figures.canvas import BLUE, ORANGE, QUIET, canvas

THRESHOLD = 0.9
_BINS = 25
_NAMED = 4
_MOST_LAYERS = 9
_SEED = 0
_LARGEST_LAYER = 4096  # units: beyond, all pairs take more than 100 MB


@dataclass(frozen=True, slots=True)
class Layer:
    """Incoming weights of the units or filters of one hidden layer.

    Args:
        name: Of the layer.
        weights_UD: One row per unit.

    """

    name: str
    weights_UD: NDArray[np.floating[Any]]  # noqa: N815  # axes in the name


@dataclass(frozen=True, slots=True)
class Twins:
    """Two units with like weights.

    Args:
        layer: Their layer.
        first: Number of the one.
        second: Number of the other, the larger.
        cosine: Of the angle between their weights; negative where one is the other's opposite.

    """

    layer: str
    first: int
    second: int
    cosine: float


def find_twins(layer: Layer, *, threshold: float = THRESHOLD) -> list[Twins]:
    """Find all pairs of units of a layer whose weights are alike but for their length, closest first.

    Args:
        layer: Units without any weight are left out.
        threshold: Smallest |cosine|.

    """
    numbers, cosines_UU = _cosines(layer.weights_UD)
    rows, columns = np.nonzero(np.triu(np.abs(cosines_UU) >= threshold, k=1))
    pairs = [
        Twins(layer.name, int(numbers[row]), int(numbers[column]), float(cosines_UU[row, column]))
        for row, column in zip(rows, columns, strict=True)
    ]
    return sorted(pairs, key=_closeness)


def closest_pairs(layer: Layer, *, count: int) -> list[Twins]:
    """Find the pairs of units of a layer whose weights are most alike, whatever their |cosine|."""
    _, cosines_UU = _cosines(layer.weights_UD)
    sizes_P = np.abs(cosines_UU[np.triu_indices(len(cosines_UU), k=1)])
    if not len(sizes_P):
        return []
    rank = max(0, len(sizes_P) - count)
    return find_twins(layer, threshold=float(np.partition(sizes_P, rank)[rank]))[:count]


def nearest_twins(weights_UD: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Give each unit's largest |cosine| with another one."""
    _, cosines_UU = _cosines(weights_UD)
    np.fill_diagonal(cosines_UU, 0.0)
    nearest_U: NDArray[np.float64] = np.abs(cosines_UU).max(axis=1, initial=0.0)
    return nearest_U


def duplicates_figure(layers: Sequence[Layer], *, threshold: float = THRESHOLD) -> Figure:
    """Draw for every hidden layer how close the nearest twin of each unit is, beside what chance gives.

    Args:
        layers: At least one, each of at least two units.
        threshold: |cosine| from which a pair counts as duplicate.

    """
    shown = _most_alike(layers)
    columns = 2 if len(shown) == 4 else min(3, len(shown))
    rows = -(-len(shown) // columns)
    figure = canvas(max(3.4 * columns, 5.0), 2.7 * rows + 0.5)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, layer in zip(grid.flat, shown, strict=False):
        _draw(axes, layer, threshold=threshold)
    for axes in grid.flat[len(shown) :]:
        axes.set_axis_off()
    figure.legend(
        *grid.flat[0].get_legend_handles_labels(), fontsize=8, frameon=False, loc="outside upper right", ncols=2
    )
    some = f" The {len(shown)} of {len(layers)} layers with the closest twins" if len(shown) < len(layers) else ""
    figure.suptitle(f"Do two units of a layer do the same work?{some}", fontsize=10, x=0.01, ha="left")
    closest = sorted((pair for layer in shown for pair in closest_pairs(layer, count=_NAMED)), key=_closeness)[:_NAMED]
    named = (f"{pair.layer} {pair.first} and {pair.second} ({pair.cosine:+.2f})" for pair in closest)
    figure.supxlabel(f"closest: {', '.join(named)}", fontsize=8)
    return figure


def _draw(axes: Axes, layer: Layer, *, threshold: float) -> None:
    units, inputs = layer.weights_UD.shape
    chance_UD = np.random.default_rng(_SEED).standard_normal(layer.weights_UD.shape)
    edges = np.linspace(0, 1, _BINS + 1).tolist()
    axes.hist(nearest_twins(chance_UD), edges, color=QUIET, alpha=0.4, label="random weights")
    axes.hist(nearest_twins(layer.weights_UD), edges, color=BLUE, alpha=0.7, label="this network")
    axes.axvline(threshold, color=ORANGE, linestyle="--", linewidth=1)
    pairs = len(find_twins(layer, threshold=threshold))
    found = f"{pairs or 'no'} pair{'' if pairs == 1 else 's'} of at least {threshold:g}"
    axes.set_title(f"{layer.name}: {units} units of {inputs:,} weights\n{found}", fontsize=8)
    axes.set_xlim(0, 1)
    axes.set_xlabel("|cosine| with the nearest twin", fontsize=8)
    axes.set_ylabel("units", fontsize=8)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.tick_params(labelsize=7)


def _most_alike(layers: Sequence[Layer]) -> list[Layer]:
    """Keep as many layers as a figure has room for, those with the closest twins, in their order."""
    by_twins = sorted(layers, key=lambda layer: -float(nearest_twins(layer.weights_UD).max(initial=0.0)))
    kept = {layer.name for layer in by_twins[:_MOST_LAYERS]}
    return [layer for layer in layers if layer.name in kept]


def _closeness(pair: Twins) -> float:
    return -abs(pair.cosine)


def _cosines(weights_UD: NDArray[np.floating[Any]]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Give the numbers of the units that have weights, and the cosines of all pairs of these."""
    lengths_U = np.linalg.norm(weights_UD.astype(np.float64), axis=1)
    numbers = np.flatnonzero(lengths_U)[:_LARGEST_LAYER]
    directions_UD = weights_UD[numbers] / lengths_U[numbers, None]
    return numbers, directions_UD @ directions_UD.T
