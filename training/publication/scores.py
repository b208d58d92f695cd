"""How good probabilities are: error rates with intervals, calibration, and what the predictions look like; NumPy alone.

Axes: N pictures, K classes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from service.artifact import Evaluation, Histogram, Reference

CALIBRATION_BINS = 15
_HISTOGRAM_BINS = 20
_CONFIDENCE = 0.95


def ranks(probabilities_NK: NDArray[np.float32], labels_N: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count for each picture the classes that are guessed before the true one; equal probabilities go by class index.

    This is the order in which the service answers, so 0 means that its first guess is right.
    """
    true_N1 = probabilities_NK[np.arange(len(labels_N)), labels_N][:, None]
    classes_K = np.arange(probabilities_NK.shape[1])
    ahead_NK = (probabilities_NK > true_N1) | ((probabilities_NK == true_N1) & (classes_K < labels_N[:, None]))
    counts: NDArray[np.int64] = ahead_NK.sum(axis=1)
    return counts


def error_with_interval(wrong: int, n: int) -> tuple[float, tuple[float, float]]:
    """Give an error rate with its 95 % interval.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    interval = binomtest(wrong, n).proportion_ci(confidence_level=_CONFIDENCE, method="wilson")
    return wrong / n, (max(0.0, float(interval.low)), min(1.0, float(interval.high)))


def calibration_error(
    probabilities_NK: NDArray[np.float32], labels_N: NDArray[np.int64], *, bins: int = CALIBRATION_BINS
) -> float:
    """Compare how sure the first guesses are with how often they are right; 0 is perfect.

    The gap between mean confidence and accuracy in equal bins of confidence, weighted by their pictures.

    Source: expected calibration error, Guo et al. 2017, arXiv 1706.04599.
    """
    confidence_N = probabilities_NK.max(axis=1).astype(np.float64)
    right_N = probabilities_NK.argmax(axis=1) == labels_N
    gap_B = np.bincount(confidence_bins(confidence_N, bins=bins), weights=confidence_N - right_N, minlength=bins)
    return float(np.abs(gap_B).sum() / len(labels_N))


def confidence_bins(confidence_N: NDArray[np.float64], *, bins: int = CALIBRATION_BINS) -> NDArray[np.int64]:
    """Sort confidences into equal bins (0, 1/15], (1/15, 2/15] ...: those of the paper are open below."""
    return np.clip(np.ceil(confidence_N * bins).astype(np.int64) - 1, 0, bins - 1)


def confusion(probabilities_NK: NDArray[np.float32], labels_N: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count pictures by true class and first guess, counts_KK; the diagonal is what is right."""
    classes = probabilities_NK.shape[1]
    pairs_N = labels_N * classes + probabilities_NK.argmax(axis=1)
    return np.bincount(pairs_N, minlength=classes * classes).reshape(classes, classes)


def evaluation_of(
    probabilities_NK: NDArray[np.float32], labels_N: NDArray[np.int64], *, dataset: str, split: str
) -> Evaluation:
    """Score predictions on pictures of known class.

    Args:
        probabilities_NK: Rows sum to 1.
        labels_N: True classes.
        dataset: Name for the record.
        split: Likewise.

    """
    n = len(labels_N)
    rank_N = ranks(probabilities_NK, labels_N)
    top1_error, top1_interval = error_with_interval(int((rank_N >= 1).sum()), n)
    top5_error, top5_interval = error_with_interval(int((rank_N >= 5).sum()), n)
    return Evaluation(
        dataset=dataset,
        split=split,
        n=n,
        top1_error=top1_error,
        top1_interval=top1_interval,
        top5_error=top5_error,
        top5_interval=top5_interval,
        calibration_error=calibration_error(probabilities_NK, labels_N),
    )


def reference_of(probabilities_NK: NDArray[np.float32], brightness_N: NDArray[np.float64]) -> Reference:
    """Record what inputs and predictions look like, so that later ones can be compared.

    Args:
        probabilities_NK: Rows sum to 1.
        brightness_N: Mean input value of each picture, 0..1.

    """
    first_N = probabilities_NK.argmax(axis=1)
    shares_K = np.bincount(first_N, minlength=probabilities_NK.shape[1]) / len(first_N)
    return Reference(
        confidence=_histogram(probabilities_NK.max(axis=1)),
        class_shares=tuple(float(share) for share in shares_K),
        brightness=_histogram(brightness_N),
    )


def _histogram(values_N: NDArray[np.float32] | NDArray[np.float64]) -> Histogram:
    # as float64: the edges take the type of the values, and 0.05 as float32 is written 0.05000000074505806
    counts, edges = np.histogram(np.clip(values_N.astype(np.float64), 0.0, 1.0), bins=_HISTOGRAM_BINS, range=(0.0, 1.0))
    return Histogram(edges=tuple(float(edge) for edge in edges), counts=tuple(int(count) for count in counts))
