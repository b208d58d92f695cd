"""`training.quantization.paired`: two networks compared on the same pictures."""

from __future__ import annotations

import numpy as np
import pytest

from training.quantization.paired import Comparison, compare, paired_interval


def test_interval_is_that_of_a_published_example() -> None:
    """Newcombe 1998, table II: 36, 12, 2 and 0 pairs give 0.0569 to 0.3404 by method 10."""
    assert paired_interval(both=36, only_first=12, only_second=2, neither=0) == pytest.approx(
        (0.0569, 0.3404), abs=5e-5
    )


def test_interval_is_that_of_the_textbook() -> None:
    """Altman et al. 2000, table 6.2: 14, 5, 0 and 22 pairs, a difference of 0.122, give 0.011 to 0.226."""
    assert paired_interval(both=14, only_first=5, only_second=0, neither=22) == pytest.approx((0.011, 0.226), abs=5e-4)


def test_interval_turns_round_with_the_shares() -> None:
    """First less second is the negative of second less first."""
    low, high = paired_interval(both=30, only_first=7, only_second=3, neither=60)
    assert paired_interval(both=30, only_first=3, only_second=7, neither=60) == pytest.approx((-high, -low))


def test_interval_without_a_difference_holds_zero_and_is_not_empty() -> None:
    """No picture that changed is no proof that none ever will."""
    low, high = paired_interval(both=0, only_first=0, only_second=0, neither=100)
    assert low == pytest.approx(-high)
    assert 0.01 < high < 0.05


def test_pairing_tells_more_than_two_separate_samples() -> None:
    """Where two networks miss mostly the same pictures, the interval is far narrower than that of unpaired errors."""
    low, high = paired_interval(both=490, only_first=10, only_second=10, neither=9490)
    unpaired = 2 * 1.96 * (2 * 0.05 * 0.95 / 10_000) ** 0.5
    assert high - low < unpaired / 3


def test_pictures_are_counted_by_what_changed() -> None:
    """Right to wrong, wrong to right, and from one wrong guess to another."""
    labels_N = np.array([0, 0, 0, 1, 1])
    before_NK = np.eye(3, dtype=np.float32)[[0, 0, 1, 1, 2]]
    after_NK = np.eye(3, dtype=np.float32)[[0, 1, 0, 1, 0]]
    found = compare(before_NK, after_NK, labels_N)
    assert found == Comparison(n=5, newly_wrong=1, newly_right=1, wrong_before=2, disagreements=3)
    assert (found.error_before, found.error_after, found.rise) == (0.4, 0.4, 0.0)


def test_rise_and_its_interval_agree() -> None:
    """The interval is that of the pictures which changed, around their difference."""
    found = Comparison(n=50, newly_wrong=12, newly_right=2, wrong_before=38, disagreements=14)
    assert found.rise == pytest.approx(0.2)
    assert found.wrong_after == 48
    assert found.interval == pytest.approx((0.0569, 0.3404), abs=5e-5)


def test_p_value_is_the_exact_test_of_the_pictures_that_changed() -> None:
    """Of five changes all for the worse: two sides of one in 32."""
    assert Comparison(100, 5, 0, 10, 5).p_value == pytest.approx(2 / 32)
    assert Comparison(100, 0, 0, 10, 0).p_value == 1.0
