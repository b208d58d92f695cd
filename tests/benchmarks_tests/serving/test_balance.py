"""`tests.benchmarks.serving.balance`: the widest spread over any number of connections."""

from __future__ import annotations

import pytest

from tests.benchmarks.serving.balance import MEASURE, note_spread, spread
from tests.benchmarks.serving.figures import OURS, Figures, Key
from tests.benchmarks.serving.scenarios import BALANCE_SCENARIO


def key(connections: int) -> Key:
    """Make the key of a rate."""
    return Key(BALANCE_SCENARIO, OURS, "WORKERS=2", MEASURE, connections)


def test_one_idle_worker_in_one_round_is_seen() -> None:
    """Half the rate in one of three rounds is a spread of a half, whatever the other numbers of connections do."""
    figures = Figures({key(4): [2800.0, 2780.0, 2790.0], key(5): [2800.0, 1400.0, 2790.0]})
    note_spread(figures)
    found = figures.spread(Key(BALANCE_SCENARIO, OURS, "WORKERS=2", "balance_spread"))
    assert found is not None
    assert found.median == 0.5


def test_single_round_has_no_spread() -> None:
    """One value says nothing about the next."""
    figures = Figures({key(4): [2800.0]})
    note_spread(figures)
    assert list(figures.values) == [key(4)]


def test_spread_is_a_share_of_the_greatest() -> None:
    """Two values by hand."""
    assert spread([95.0, 100.0]) == pytest.approx(0.05)
