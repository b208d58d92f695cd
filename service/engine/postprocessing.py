"""From what a network puts out to probabilities and the k most probable classes; NumPy only.

Axes: N pictures, K classes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.artifact import Holds
from service.errors import InferenceError

_ROUNDING: Final = 0.01  # an int8 graph may miss 0 and 1 by a step of its scale, about 1/256


def to_probabilities(values: NDArray[np.float32], *, holds: Holds) -> NDArray[np.float32]:
    """Turn network outputs into probabilities that sum to 1 per picture.

    Args:
        values: Finite, [N, K], or [N, 1] for a sigmoid (the second class's probability) and for its logit.
        holds: What the manifest says the values are.

    Returns:
        [N, K] probabilities; [N, 2] for a sigmoid and for its logit.

    Raises:
        InferenceError: The values are not what the manifest says.

    """
    if holds == "logit":
        values = np.concatenate([np.zeros_like(values), values], axis=1)
    if holds in ("logits", "logit"):
        with np.errstate(over="ignore"):  # two finite numbers may lie infinitely far apart: the exponential is 0 then
            values = np.exp(values - values.max(axis=1, keepdims=True), dtype=np.float32)
    else:
        values = _within_range(values, holds=holds)
    if holds == "sigmoid":
        return np.concatenate([1 - values, values], axis=1)
    # also for probabilities: float32 softmax and int8 graphs leave the sum a few units in the last place beside 1
    totals = values.sum(axis=1, keepdims=True)
    if not totals.all():
        raise InferenceError("The network gave probabilities that are all 0.")
    shares: NDArray[np.float32] = values / totals
    return shares


def _within_range(values: NDArray[np.float32], *, holds: str) -> NDArray[np.float32]:
    """Cut off what rounding left outside 0..1, and refuse what cannot have been meant so."""
    highest = 1.0 if holds == "sigmoid" else np.inf
    if values.min() < -_ROUNDING or values.max() > highest + _ROUNDING:
        found = f"values from {values.min():.3g} to {values.max():.3g}"
        raise InferenceError(
            f"The manifest says that the network gives {holds}, and it gave {found}; are these logits?"
        )
    clipped: NDArray[np.float32] = np.clip(values, 0, highest)
    return clipped


def top_k(probabilities: NDArray[np.float32], *, k: int) -> list[tuple[int, float]]:
    """Find the k most probable classes.

    Args:
        probabilities: [K] of one picture.
        k: How many, 1..K.

    Returns:
        (class index, probability), most probable first; equal ones by index.

    """
    order = np.argsort(-probabilities, kind="stable")[:k]
    return [(int(index), float(probabilities[index])) for index in order]
