"""`service.engine.cost`: expectations follow what work really takes, by its size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.engine.cost import Cost


def test_pieces_of_one_size_are_soon_expected_to_take_what_they_take() -> None:
    """Forty runs of 30 ms correct an expectation of a second to within a few per cent."""
    cost = Cost(fixed_s=1.0, per_size_s=0.02)
    for _ in range(40):
        cost.learn(size=0.1, run_s=0.030)
    assert cost.expected_s(0.1) == pytest.approx(0.030, abs=0.02)
    assert cost.typical_s == pytest.approx(cost.expected_s(0.1), abs=0.005)


def test_small_and_large_pieces_in_turn_are_told_apart() -> None:
    """A line of 10 ms and 25 ms for each unit is found from both ends."""
    cost = Cost(fixed_s=0.1, per_size_s=0.0)
    for _ in range(200):
        cost.learn(size=0.1, run_s=0.0125)
        cost.learn(size=2.0, run_s=0.060)
    assert cost.expected_s(0.1) == pytest.approx(0.0125, rel=0.05)
    assert cost.expected_s(2.0) == pytest.approx(0.060, rel=0.05)


def test_a_large_piece_after_many_small_ones_is_expected_to_take_longer() -> None:
    """What is known of size before the first large piece comes is not unlearned by small ones."""
    cost = Cost(fixed_s=0.02, per_size_s=0.025)
    for _ in range(1000):
        cost.learn(size=0.003, run_s=0.02)
    assert cost.expected_s(2.0) > 0.05


def test_a_single_outlier_does_not_quite_double_what_is_expected() -> None:
    """A machine that was suspended for an hour tells nobody to come back after minutes."""
    cost = Cost(fixed_s=0.01)
    cost.learn(size=0.0, run_s=3600.0)
    assert cost.expected_s(0.0) == pytest.approx(0.019)
    for _ in range(20):
        cost.learn(size=0.0, run_s=0.01)
    assert cost.expected_s(0.0) == pytest.approx(0.01, rel=0.15)


def test_work_that_really_became_slower_is_expected_to_be_after_a_few_pieces() -> None:
    """A hundred times as slow from one piece to the next: ten more, and half of it is known."""
    cost = Cost(fixed_s=0.01)
    for _ in range(10):
        cost.learn(size=0.0, run_s=1.0)
    assert 0.5 < cost.expected_s(0.0) <= 1.0


@given(
    st.lists(
        st.tuples(st.floats(0, 100, allow_nan=False), st.floats(0, 1000, allow_nan=False)),
        max_size=30,
    )
)
def test_no_history_makes_work_free_or_endless(history: list[tuple[float, float]]) -> None:
    """Expected times are above zero and bounded by what was seen, whatever was seen."""
    cost = Cost(fixed_s=0.01, per_size_s=0.02)
    for size, run_s in history:
        cost.learn(size=size, run_s=run_s)
    assert 0 < cost.expected_s(0.0) <= 0.01 + sum(run_s for _, run_s in history)
    assert cost.expected_s(10.0) >= cost.expected_s(0.0)
