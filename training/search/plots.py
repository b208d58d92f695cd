"""The pictures of a search: how it went, what mattered, what each value did.

Figures are drawn without pyplot, so nothing here needs a screen or leaves state behind.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from optuna.distributions import (
    BaseDistribution,
    CategoricalChoiceType,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState

_COMPLETE, _PRUNED, _BEST = "#1f5fa8", "#b8b8b8", "#c8442b"
_COLUMNS = 3
_DPI = 110


def history(trials: Sequence[FrozenTrial]) -> bytes:
    """Draw every trial's validation error in order, and the best so far."""
    figure, axes = _one()
    complete, pruned = _complete(trials), _in_state(trials, TrialState.PRUNED)
    axes.scatter(
        [t.number for t in pruned], [_value(t) for t in pruned], color=_PRUNED, marker="x", label="stopped early"
    )
    axes.scatter([t.number for t in complete], [_value(t) for t in complete], color=_COMPLETE, label="complete")
    best = [min(_value(t) for t in complete[: place + 1]) for place in range(len(complete))]
    axes.step([t.number for t in complete], best, where="post", color=_BEST, label="best so far")
    axes.set_xlabel("trial")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return _png(figure, axes)


def importances(shares: Mapping[str, float]) -> bytes:
    """Draw how much of the differences between trials each key explains."""
    figure = Figure(figsize=(7, 1.2 + 0.4 * len(shares)), layout="constrained")
    axes = figure.subplots()
    keys = list(shares)[::-1]
    axes.barh(keys, [shares[key] for key in keys], color=_COMPLETE)
    axes.set_xlabel("share of the variance of the validation error (fANOVA)")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlim(0, 1)
    return _saved(figure)


def slices(trials: Sequence[FrozenTrial], *, distributions: Mapping[str, BaseDistribution]) -> bytes:
    """Draw the validation error against each key's values; later trials are darker."""
    complete = _complete(trials)
    columns = min(_COLUMNS, len(distributions))
    rows = math.ceil(len(distributions) / columns)
    figure = Figure(figsize=(4 * columns, 3 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes in grid.flat[len(distributions) :]:
        axes.set_axis_off()
    for axes, (key, distribution) in zip(grid.flat, distributions.items(), strict=False):
        places = [distribution.to_internal_repr(trial.params[key]) for trial in complete]
        order = [trial.number for trial in complete]
        axes.scatter(
            places, [_value(t) for t in complete], c=order, cmap="Blues", vmin=-max(order), edgecolors=_COMPLETE
        )
        axes.set_xlabel(key)
        _label_places(axes, distribution)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    for axes in grid[:, 0]:
        axes.set_ylabel("validation error")
    return _saved(figure)


def parallel_coordinates(trials: Sequence[FrozenTrial], *, distributions: Mapping[str, BaseDistribution]) -> bytes:
    """Draw each trial as a line through its values; the better the redder."""
    complete = sorted(_complete(trials), key=_value, reverse=True)  # the best on top
    figure = Figure(figsize=(2.2 * (len(distributions) + 1), 4.5), layout="constrained")
    axes = figure.subplots()
    colors = mpl.colormaps["coolwarm_r"]
    low, high = min(map(_value, complete)), max(map(_value, complete))
    for trial in complete:
        share = (_value(trial) - low) / (high - low) if high > low else 0.0
        heights = [_height(distribution, trial.params[key]) for key, distribution in distributions.items()]
        axes.plot([*heights, share], color=colors(share), alpha=0.8)
    for place, distribution in enumerate(distributions.values()):
        _write_ends(axes, place, *_ends(distribution))
    _write_ends(axes, len(distributions), f"{low:.2%}", f"{high:.2%}")
    axes.set_xticks(range(len(distributions) + 1), [*distributions, "validation error"], rotation=20, ha="right")
    axes.set_yticks([])
    axes.set_ylim(-0.12, 1.12)
    axes.grid(visible=True, axis="x")
    return _saved(figure)


def intermediate_values(trials: Sequence[FrozenTrial]) -> bytes:
    """Draw the validation error of every trial by epoch; those that were stopped early are grey."""
    figure, axes = _one()
    for trial in (*_in_state(trials, TrialState.PRUNED), *_complete(trials)):
        epochs = sorted(trial.intermediate_values)
        color = _COMPLETE if trial.state is TrialState.COMPLETE else _PRUNED
        axes.plot(epochs, [trial.intermediate_values[epoch] for epoch in epochs], color=color, alpha=0.6, marker=".")
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return _png(figure, axes)


def _one() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7, 4), layout="constrained")
    return figure, figure.subplots()


def _png(figure: Figure, axes: Axes) -> bytes:
    axes.set_ylabel("validation error")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.grid(visible=True, alpha=0.3)
    return _saved(figure)


def _saved(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI)
    return stream.getvalue()


def _complete(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    return _in_state(trials, TrialState.COMPLETE)


def _in_state(trials: Sequence[FrozenTrial], state: TrialState) -> list[FrozenTrial]:
    return [trial for trial in trials if trial.state is state and trial.value is not None]


def _value(trial: FrozenTrial) -> float:
    return math.nan if trial.value is None else trial.value


def _height(distribution: BaseDistribution, value: CategoricalChoiceType) -> float:
    """Give a value's place between the lowest, 0, and the highest, 1; choices stand in a row."""
    place = distribution.to_internal_repr(value)
    low, high = _bounds(distribution)
    if low == high:
        return 0.0
    if _is_log(distribution):
        return math.log(place / low) / math.log(high / low)
    return (place - low) / (high - low)


def _bounds(distribution: BaseDistribution) -> tuple[float, float]:
    if isinstance(distribution, FloatDistribution | IntDistribution):
        return distribution.low, distribution.high
    return 0.0, float(len(_choices(distribution)) - 1)


def _is_log(distribution: BaseDistribution) -> bool:
    return isinstance(distribution, FloatDistribution | IntDistribution) and distribution.log


def _choices(distribution: BaseDistribution) -> list[str]:
    """Word the choices; nothing for a range."""
    return [str(choice) for choice in getattr(distribution, "choices", ())]


def _label_places(axes: Axes, distribution: BaseDistribution) -> None:
    if _is_log(distribution):
        axes.set_xscale("log")
    elif isinstance(distribution, IntDistribution):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if choices := _choices(distribution):
        axes.set_xticks(range(len(choices)), choices, rotation=20)


def _ends(distribution: BaseDistribution) -> tuple[str, str]:
    """Word the lowest and the highest value."""
    if choices := _choices(distribution):
        return choices[0], choices[-1]
    low, high = _bounds(distribution)
    return f"{low:g}", f"{high:g}"


def _write_ends(axes: Axes, place: int, low: str, high: str) -> None:
    axes.text(place, -0.03, low, ha="center", va="top", fontsize=8)
    axes.text(place, 1.03, high, ha="center", va="bottom", fontsize=8)
