"""`training.assessment.mistakes`: the surest wrong guesses, surest first."""

from __future__ import annotations

import numpy as np
import pytest

from training.assessment.mistakes import surest_mistakes
from training.publication.evaluation import Predictions

LABELS = ("ant", "bee", "cow")


def _predictions() -> Predictions:
    probabilities_NK = np.array(
        [[0.6, 0.3, 0.1], [0.0, 0.9, 0.1], [0.8, 0.1, 0.1], [0.99, 0.0, 0.01], [0.1, 0.1, 0.8]], np.float32
    )
    return Predictions(probabilities_NK, np.array([1, 0, 2, 0, 1]), np.zeros(5))


def test_mistakes_come_surest_first_and_equal_ones_in_order() -> None:
    """The right guess of 0.99 is no mistake; two of 0.8 keep the order of the pictures."""
    assert [mistake.number for mistake in surest_mistakes(_predictions(), LABELS, count=9)] == [1, 2, 4, 0]


def test_mistake_tells_both_classes_and_both_probabilities() -> None:
    """An ant taken for a bee with 0.9, while ant got nothing."""
    (mistake,) = surest_mistakes(_predictions(), LABELS, count=1)
    assert (mistake.true, mistake.predicted) == ("ant", "bee")
    assert (mistake.probability, mistake.true_probability) == pytest.approx((0.9, 0.0))
