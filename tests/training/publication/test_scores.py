"""`training.publication.scores`: figures agree with hand calculation and with independent implementations."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix, top_k_accuracy_score

from service.engine.postprocessing import top_k
from training.publication.scores import (
    calibration_error,
    confidence_bins,
    confusion,
    error_with_interval,
    evaluation_of,
    ranks,
    reference_of,
)


def _predictions(n: int = 400, classes: int = 10, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    chance = np.random.default_rng(seed)
    logits_NK = chance.normal(size=(n, classes)).astype(np.float32) * 2
    exponentials = np.exp(logits_NK)
    return exponentials / exponentials.sum(axis=1, keepdims=True), chance.integers(0, classes, n)


def test_rank_counts_the_classes_guessed_first() -> None:
    """Worked out by hand: first, third, and last."""
    probabilities_NK = np.array([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.1, 0.2, 0.7]], dtype=np.float32)
    assert ranks(probabilities_NK, np.array([0, 2, 0])).tolist() == [0, 2, 2]


def test_equal_probabilities_rank_as_the_service_answers() -> None:
    """Ties go by class index here and there, also when all are equal."""
    chance = np.random.default_rng(3)
    probabilities_NK = chance.integers(1, 4, (200, 6)).astype(np.float32)
    probabilities_NK /= probabilities_NK.sum(axis=1, keepdims=True)
    labels_N = chance.integers(0, 6, 200)
    for row_K, label, rank in zip(probabilities_NK, labels_N, ranks(probabilities_NK, labels_N), strict=True):
        assert top_k(row_K, k=6)[int(rank)][0] == label


@pytest.mark.parametrize("k", [1, 5])
def test_errors_agree_with_scikit_learn(k: int) -> None:
    """Without ties, top-k error is one minus its top-k accuracy."""
    probabilities_NK, labels_N = _predictions()
    expected = 1 - top_k_accuracy_score(labels_N, probabilities_NK, k=k, labels=range(10))
    found = evaluation_of(probabilities_NK, labels_N, dataset="d", split="test")
    assert (found.top1_error if k == 1 else found.top5_error) == pytest.approx(expected)


def test_interval_is_wilsons() -> None:
    """The formula of 1927, written out, gives the same ends; none lies outside 0..1."""
    wrong, n, z = 79, 1000, norm.ppf(0.975)
    share = wrong / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    error, interval = error_with_interval(wrong, n)
    assert error == share
    assert interval == pytest.approx((middle - reach, middle + reach))
    assert error_with_interval(0, 10)[1][0] == 0.0
    assert error_with_interval(10, 10)[1][1] == 1.0


def test_calibration_error_of_a_hand_made_case() -> None:
    """Ten sure guesses at 0.9, six of them right: a gap of 0.3; ten at 0.6 of which six are right: none."""
    sure = np.tile(np.array([0.9, 0.1], dtype=np.float32), (10, 1))
    unsure = np.tile(np.array([0.6, 0.4], dtype=np.float32), (10, 1))
    labels = np.array([0] * 6 + [1] * 4 + [0] * 6 + [1] * 4)
    assert calibration_error(np.concatenate([sure, unsure]), labels) == pytest.approx(0.15, abs=1e-6)


def test_calibration_error_agrees_with_scikit_learns_curve() -> None:
    """The weighted gaps of its calibration curve sum to the same figure."""
    probabilities_NK, labels_N = _predictions(2000)
    confidence_N = probabilities_NK.max(axis=1).astype(np.float64)
    right_N = probabilities_NK.argmax(axis=1) == labels_N
    accuracy_B, confidence_B = calibration_curve(right_N, confidence_N, n_bins=15)
    counts_B = np.histogram(confidence_N, bins=np.linspace(0, 1, 16))[0]
    expected = np.abs(accuracy_B - confidence_B) @ counts_B[counts_B > 0] / len(labels_N)
    assert calibration_error(probabilities_NK, labels_N) == pytest.approx(expected)


def test_perfect_predictions_have_no_error_at_all() -> None:
    """Certainty of the right class is the best there is; fewer than five classes make top-5 error zero."""
    labels_N = np.array([0, 1, 2, 1])
    probabilities_NK = np.eye(3, dtype=np.float32)[labels_N]
    found = evaluation_of(probabilities_NK, labels_N, dataset="d", split="test")
    assert (found.top1_error, found.top5_error, found.calibration_error) == (0.0, 0.0, 0.0)
    assert found.n == 4


def test_reference_counts_every_picture_once() -> None:
    """Histograms over 0..1 and shares over classes, also for values that rounding puts beside the range."""
    probabilities_NK = np.array([[1.0000001, 0.0], [0.55, 0.45], [0.2, 0.8]], dtype=np.float32)
    found = reference_of(probabilities_NK, np.array([0.0, 1.0, 0.51]))
    assert found.class_shares == pytest.approx((2 / 3, 1 / 3))
    assert sum(found.confidence.counts) == sum(found.brightness.counts) == 3
    assert found.confidence.edges == pytest.approx(np.linspace(0, 1, 21))
    assert (found.confidence.counts[-1], found.confidence.counts[11], found.confidence.counts[16]) == (1, 1, 1)
    assert (found.brightness.counts[0], found.brightness.counts[10], found.brightness.counts[-1]) == (1, 1, 1)


def test_confusion_agrees_with_scikit_learn() -> None:
    """True classes down, first guesses across; classes that never occur have their row and column too."""
    probabilities_NK, labels_N = _predictions()
    labels_N = np.where(labels_N == 3, 4, labels_N)
    expected = confusion_matrix(labels_N, probabilities_NK.argmax(axis=1), labels=range(10))
    assert np.array_equal(confusion(probabilities_NK, labels_N), expected)


def test_confidence_bins_are_open_below() -> None:
    """A confidence on an edge belongs to the bin under it; 0 and what rounding puts above 1 have theirs."""
    assert confidence_bins(np.array([0.0, 0.2, 0.21, 0.4, 1.0, 1.0000001]), bins=5).tolist() == [0, 0, 1, 1, 4, 4]
