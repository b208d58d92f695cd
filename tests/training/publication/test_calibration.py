"""`training.publication.calibration`: the curve and the one figure come from the same bins."""

from __future__ import annotations

import numpy as np
import pytest

from training.publication.calibration import reliability
from training.publication.scores import calibration_error, error_with_interval


def test_bins_of_a_hand_made_case() -> None:
    """Ten sure guesses of which six are right, five unsure ones that are all right; nothing between."""
    sure = np.tile(np.array([0.9, 0.1], np.float32), (10, 1))
    unsure = np.tile(np.array([0.6, 0.4], np.float32), (5, 1))
    labels_N = np.array([0] * 6 + [1] * 4 + [0] * 5)
    unsure_bin, sure_bin = reliability(np.concatenate([sure, unsure]), labels_N, bins=5)
    assert (unsure_bin.n, sure_bin.n) == (5, 10)
    assert (unsure_bin.low, unsure_bin.high, sure_bin.low, sure_bin.high) == pytest.approx(
        (0.4, 0.6, 0.8, 1.0), abs=0.21
    )
    assert (sure_bin.accuracy, sure_bin.confidence) == pytest.approx((0.6, 0.9))
    assert sure_bin.interval == error_with_interval(6, 10)[1]


def test_calibration_error_is_the_weighted_gap_of_the_bins() -> None:
    """So the figure in the manifest can be read off the curve."""
    chance = np.random.default_rng(0)
    probabilities_NK = chance.dirichlet(np.ones(4) * 0.4, 500).astype(np.float32)
    labels_N = chance.integers(0, 4, 500)
    bins = reliability(probabilities_NK, labels_N)
    gap = sum(part.n * abs(part.confidence - part.accuracy) for part in bins) / 500
    assert gap == pytest.approx(calibration_error(probabilities_NK, labels_N))
    assert sum(part.n for part in bins) == 500
    assert all(part.low < part.confidence <= part.high + 1e-7 for part in bins)
