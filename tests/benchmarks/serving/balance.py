"""Whether workers share connections that stay open: the rate must not hang on which worker accepted them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tests.benchmarks.serving.cell import Cell
from tests.benchmarks.serving.figures import OURS, Figures, Key
from tests.benchmarks.serving.scenarios import BALANCE_CONNECTIONS, BALANCE_SCENARIO

MEASURE: Final = "balance_rate_per_s"


def measure_balance(cell: Cell, *, seconds: float) -> None:
    """Note the rate for each number of connections, opened anew."""
    for connections in BALANCE_CONNECTIONS:
        cell.note(MEASURE, cell.load(connections, seconds).rate_per_s, callers=connections)


def note_spread(figures: Figures, *, server: str = OURS) -> None:
    """Note the widest spread that any number of connections had over the rounds.

    Where all connections go to one worker in one of the rounds, the rate of that round is about half of the others'.
    """
    found = {
        key: values
        for key, values in figures.values.items()
        if (key.scenario, key.server, key.measure) == (BALANCE_SCENARIO, server, MEASURE)
    }
    spreads = [spread(values) for values in found.values() if len(values) > 1]
    if spreads:
        form = next(iter(found)).form
        figures.add(Key(BALANCE_SCENARIO, server, form, "balance_spread"), max(spreads))


def spread(values: Sequence[float]) -> float:
    """Say how far the least lies below the greatest, as a share of the greatest."""
    return (max(values) - min(values)) / max(values)
