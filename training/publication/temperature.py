"""One number that makes a network as sure as it is right.

Training with smoothed labels, or averaging several looks, leaves a network less sure than it could be; long training
leaves it too sure. Dividing all logits by one temperature mends both and changes no first guess.

Source: C. Guo et al., "On Calibration of Modern Neural Networks", 2017, arXiv 1706.04599, section 4.2; for few pictures
J. Platt, "Probabilistic Outputs for Support Vector Machines", 1999, section 2.2.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

# Far beyond what any trained network here needed (0.5 for CIFAR-10): ends for logits that say nothing or all.
LOWEST: Final = 0.05
HIGHEST: Final = 20.0
_HALVINGS: Final = 40  # of an interval of 20: down to the rounding of float32


def fit_temperature(logits_NK: NDArray[np.float32], labels_N: NDArray[np.int64]) -> float:
    """Find the temperature that makes the true classes likeliest.

    The mean log-likelihood is concave in the inverse of the temperature, so the zero of its slope is found by halving.
    Two pictures of unknown class are added in thought, so that a few pictures without a mistake do not make a network
    endlessly sure.

    Args:
        logits_NK: Of pictures that took no part in training.
        labels_N: Their true classes.

    Returns:
        Between `LOWEST` and `HIGHEST`.

    """
    logits = logits_NK.astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    n, classes = logits.shape
    unknown = 1 / (n + 2)
    true_N = logits[np.arange(n), labels_N]
    others_N = (logits.sum(axis=1) - true_N) / (classes - 1)
    wanted = float(((1 - unknown) * true_N + unknown * others_N).mean())
    low, high = 1 / HIGHEST, 1 / LOWEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        shares_NK = np.exp(middle * logits)
        shares_NK /= shares_NK.sum(axis=1, keepdims=True)
        slope = wanted - float((shares_NK * logits).sum(axis=1).mean())
        low, high = (middle, high) if slope > 0 else (low, middle)
    return 2 / (low + high)
