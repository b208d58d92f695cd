"""`tests.benchmarks.serving.arrivals`: requests leave at times that were fixed beforehand."""

from __future__ import annotations

import pytest

from tests.benchmarks.serving.arrivals import Schedule


def test_arrivals_are_evenly_spaced_from_the_start() -> None:
    """Four a second for a second and a half are six."""
    assert list(Schedule(4.0, 1.5).times_s()) == [0.0, 0.25, 0.5, 0.75, 1.0, 1.25]


def test_no_error_adds_up_over_many_arrivals() -> None:
    """The ten-thousandth request leaves when it should."""
    times_s = list(Schedule(300.0, 100.0).times_s())
    assert len(times_s) == 30_000
    assert times_s[9_999] == pytest.approx(33.33, abs=1e-12)


def test_shortest_schedule_sends_one_request() -> None:
    """Even a rate of nearly nothing asks once."""
    assert list(Schedule(0.1, 1.0).times_s()) == [0.0]
