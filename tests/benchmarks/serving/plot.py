"""A run as a picture: the share of the machine's limit that each server reaches, in every scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")  # before pyplot, which would look for a screen

from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from tests.benchmarks.serving.aims import RATE
from tests.benchmarks.serving.figures import LIMIT, Figures
from tests.benchmarks.serving.scenarios import SCENARIOS, Scenario

_WIDTH_IN, _HEIGHT_IN = 5.0, 3.2


def draw(figures: Figures, path: Path) -> None:
    """Draw one panel per scenario that has a limit, one group of bars per number of callers."""
    shown = [scenario for scenario in SCENARIOS if shares(figures, scenario)]
    if not shown:
        return
    columns = min(2, len(shown))
    rows = -(-len(shown) // columns)
    drawing, axes = plt.subplots(rows, columns, figsize=(_WIDTH_IN * columns, _HEIGHT_IN * rows), squeeze=False)
    for axis, scenario in zip(axes.flat, shown, strict=False):
        _panel(axis, scenario, shares(figures, scenario))
    for axis in axes.flat[len(shown) :]:
        axis.set_visible(False)
    axes.flat[0].legend(fontsize=7)
    drawing.tight_layout()
    drawing.savefig(path, dpi=110)
    plt.close(drawing)


def shares(figures: Figures, scenario: Scenario) -> dict[str, list[float]]:
    """Give each server's share of the limit by number of callers, in its best form; 0 where it was not measured."""
    limits = [_median(figures, scenario.limit_scenario, callers, LIMIT) for callers in scenario.callers]
    found = {
        server: [
            _median(figures, scenario.name, callers, server) / limit if limit else 0.0
            for callers, limit in zip(scenario.callers, limits, strict=True)
        ]
        for server in figures.servers()
        if server != LIMIT
    }
    return {server: values for server, values in found.items() if any(values)}


def _median(figures: Figures, scenario: str, callers: int, server: str) -> float:
    best = figures.best(scenario, RATE, callers, servers=[server])
    spread = figures.spread(best) if best else None
    return spread.median if spread else 0.0


def _panel(axis: Axes, scenario: Scenario, found: Mapping[str, Sequence[float]]) -> None:
    width = 0.8 / len(found)
    for number, (server, values) in enumerate(found.items()):
        places = [group + number * width for group in range(len(values))]
        axis.bar(places, values, width, label=server)
    axis.axhline(1.0, color="black", linewidth=0.8)
    axis.set_title(scenario.title, fontsize=9)
    axis.set_ylabel("share of the limit", fontsize=8)
    axis.set_xticks(
        [group + 0.4 - width / 2 for group in range(len(scenario.callers))], [f"c={c}" for c in scenario.callers]
    )
