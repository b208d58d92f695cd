"""`tests.benchmarks.serving.figures`: values by key, medians, the best form."""

from __future__ import annotations

import math

import pytest

from tests.benchmarks.serving.figures import OURS, Figures, Key, Spread, number, percentile, rounded


def rate(server: str, form: str, callers: int = 8) -> Key:
    """Make the key of a rate."""
    return Key("r50", server, form, "rate_per_s", callers)


def test_spread_holds_median_and_ends() -> None:
    """Three values by hand."""
    assert Spread.of([3.0, 1.0, 2.5]) == Spread(2.5, 1.0, 3.0, 3)


def test_spread_of_one_value_shows_no_ends() -> None:
    """One value has no spread that could be shown."""
    assert Spread.of([48.123]).text() == "48.1"
    assert Spread.of([48.0, 47.0, 51.04]).text() == "48 [47-51]"


def test_best_is_the_greatest_median_not_the_greatest_value() -> None:
    """A single lucky round decides nothing."""
    figures = Figures({rate("Mosec", "a"): [10.0, 11.0, 12.0], rate("Mosec", "b"): [9.0, 9.5, 99.0]})
    assert figures.best("r50", "rate_per_s", 8, servers=["Mosec"]) == rate("Mosec", "a")


def test_best_looks_at_wanted_servers_and_callers_alone() -> None:
    """Neither another server nor another number of callers is taken."""
    figures = Figures({rate("Mosec", "a"): [10.0], rate(OURS, "b"): [50.0], rate("Mosec", "a", 64): [90.0]})
    assert figures.best("r50", "rate_per_s", 8, servers=["Mosec"]) == rate("Mosec", "a")
    assert figures.best("r50", "rate_per_s", 1, servers=["Mosec"]) is None


def test_quickest_is_found_over_all_numbers_of_callers() -> None:
    """The capacity of a server is its best median rate, wherever it was reached."""
    figures = Figures({rate(OURS, "a", 1): [40.0], rate(OURS, "a", 8): [49.0, 51.0], rate(OURS, "a", 64): [48.0]})
    assert figures.quickest("r50", (1, 8, 64), server=OURS) == (rate(OURS, "a", 8), 50.0)


def test_value_that_is_no_number_is_left_out() -> None:
    """A percentile of nothing is no figure."""
    figures = Figures()
    figures.add(rate(OURS, "a"), math.nan)
    assert figures.spread(rate(OURS, "a")) is None
    assert figures.as_json() == []


def test_json_is_read_back_to_the_same_values() -> None:
    """What is kept in the file of results is what was measured."""
    figures = Figures({rate(OURS, "a"): [1.5, 2.0], Key("r20", OURS, "b", "start_s"): [0.5]})
    assert Figures.from_json(figures.as_json()).values == figures.values


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1.0), (0.5, 2.0), (0.75, 3.0), (0.99, 4.0), (1.0, 4.0)])
def test_percentile_is_the_nearest_rank(share: float, expected: float) -> None:
    """Four values by hand."""
    assert percentile([4.0, 1.0, 3.0, 2.0], share) == expected


def test_percentile_of_nothing_is_no_number() -> None:
    """No request was accepted, so none has a latency."""
    assert math.isnan(percentile([], 0.5))


def test_numbers_are_shown_with_three_digits() -> None:
    """Enough to compare, and no more than was measured."""
    assert [number(value) for value in (0.12345, 48.1234, 1234.5)] == ["0.123", "48.1", "1,234"]
    assert rounded(1234.56789) == 1234.6
