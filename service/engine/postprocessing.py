"""From what a network puts out to probabilities and the k most probable classes; NumPy only.

Axes: N pictures, K classes.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray


def to_probabilities(
    values: NDArray[np.float32], *, holds: Literal["probabilities", "logits", "sigmoid"]
) -> NDArray[np.float32]:
    """Turn network outputs into probabilities that sum to 1 per picture.

    Args:
        values: [N, K], or [N, 1] for a sigmoid (the second class's probability).
        holds: What the manifest says the values are.

    Returns:
        [N, K] probabilities; [N, 2] for a sigmoid.

    """
    if holds == "sigmoid":
        return np.concatenate([1 - values, values], axis=1)
    if holds == "logits":
        exponentials = np.exp(values - values.max(axis=1, keepdims=True), dtype=np.float32)
        values = exponentials
    # also for probabilities: float32 softmax and int8 graphs leave the sum a few units in the last place beside 1
    shares: NDArray[np.float32] = values / values.sum(axis=1, keepdims=True)
    return shares


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
