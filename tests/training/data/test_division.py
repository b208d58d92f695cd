"""`training.data.division`: pictures are held back by seed, in equal shares of every class, rare ones included."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.division import held_back, usual_test_pictures, usual_validation_pictures


def test_positions_are_divided_and_nothing_is_lost() -> None:
    """Each position stands on exactly one side, ascending; every class gives its share."""
    labels_N = np.arange(100) % 4
    kept, held = held_back(labels_N, count=20, seed=1)
    assert sorted([*kept, *held]) == list(range(100))
    assert list(kept) == sorted(kept)
    assert list(held) == sorted(held)
    assert np.bincount(labels_N[held]).tolist() == [5, 5, 5, 5]


def test_the_seed_decides_which() -> None:
    """The same seed holds back the same pictures, another seed others."""
    first, again, other = (held_back(np.arange(100) % 4, count=20, seed=seed)[1].tolist() for seed in (1, 1, 2))
    assert first == again != other


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(2, 40), min_size=2, max_size=6), st.integers(0, 100))
def test_every_class_stands_on_both_sides(counts: list[int], seed: int) -> None:
    """However rare a class is, two pictures of it are enough for one on each side."""
    labels_N = np.repeat(np.arange(len(counts)), counts)
    total = len(labels_N)
    kept, held = held_back(labels_N, count=max(len(counts), total // 10), seed=seed)
    assert len(kept) + len(held) == total
    assert len(set(kept) & set(held)) == 0
    assert set(labels_N[kept]) == set(labels_N[held]) == set(range(len(counts)))


@pytest.mark.parametrize("count", [2, 99, 100, 200])
def test_impossible_numbers_are_refused(count: int) -> None:
    """A number that leaves a class without pictures on one side is an error."""
    with pytest.raises(ValueError, match=r"should be greater or equal|should be either positive and smaller"):
        held_back(np.arange(100) % 4, count=count, seed=1)


def test_usual_numbers_fit_small_and_large_sets() -> None:
    """Shares grow with the set up to a bound, and never fall below one picture per class."""
    assert [usual_test_pictures(available, classes=10) for available in (20, 1000, 1_000_000)] == [10, 200, 10_000]
    assert [usual_validation_pictures(available, classes=10) for available in (20, 1000, 1_000_000)] == [10, 100, 5000]
