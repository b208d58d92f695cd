"""Whether probabilities can be believed: of the pictures with a probability near 0.8, are eight in ten right?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.publication.scores import CALIBRATION_BINS, confidence_bins, error_with_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceBin:
    """Pictures whose first guess got a probability in (low, high].

    Args:
        low: Lower end, excluded.
        high: Upper end, included.
        n: Number of pictures; more than 0.
        confidence: Mean probability of their first guesses.
        accuracy: Share of these that is right.
        interval: 95 % interval of the accuracy.

    """

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float
    interval: tuple[float, float]


def reliability(
    probabilities_NK: NDArray[np.float32], labels_N: NDArray[np.int64], *, bins: int = CALIBRATION_BINS
) -> tuple[ConfidenceBin, ...]:
    """Compare confidence and accuracy bin by bin, with the bins of the expected calibration error; empty ones left out.

    Args:
        probabilities_NK: Rows sum to 1.
        labels_N: True classes.
        bins: Equal parts of 0..1.

    """
    confidence_N = probabilities_NK.max(axis=1).astype(np.float64)
    right_N = probabilities_NK.argmax(axis=1) == labels_N
    bin_N = confidence_bins(confidence_N, bins=bins)
    return tuple(
        _bin(confidence_N[bin_N == number], right_N[bin_N == number], low=number / bins, high=(number + 1) / bins)
        for number in np.unique(bin_N).tolist()
    )


def _bin(confidence_M: NDArray[np.float64], right_M: NDArray[np.bool_], *, low: float, high: float) -> ConfidenceBin:
    accuracy, interval = error_with_interval(int(right_M.sum()), len(right_M))
    return ConfidenceBin(
        low=low,
        high=high,
        n=len(right_M),
        confidence=float(confidence_M.mean()),
        accuracy=accuracy,
        interval=interval,
    )
