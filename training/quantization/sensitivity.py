"""Which layers hurt: each one alone in fewer bits, the rest in float32, and what that does to the answers.

One layer at a time says what sparing it would gain. What a layer hands on may hide an error of an earlier one, so noise
that is measured inside the whole quantised network names the last layers instead of the guilty ones.

Axes: N pictures, K classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import inf, log10

import numpy as np
from numpy.typing import NDArray

from training.quantization.layers import Layer


@dataclass(frozen=True, slots=True)
class Damage:
    """What one layer does to the answers when it alone is in fewer bits.

    Args:
        layer: Name of its weights, and its operator.
        changed: Share of pictures whose first guess changes, 0..1.
        signal_to_noise_db: Probabilities against their change, in decibels; infinite where nothing changes.

    """

    layer: str
    changed: float
    signal_to_noise_db: float


def damages(
    layers: Sequence[Layer],
    *,
    reference_NK: NDArray[np.float32],
    probabilities_of: Callable[[Sequence[Layer]], NDArray[np.float32]],
) -> tuple[Damage, ...]:
    """Measure every layer, worst first.

    Args:
        layers: All of them; those of the same weights count as one.
        reference_NK: Probabilities of the float32 file.
        probabilities_of: Gives those of a file in which only these layers are in fewer bits.

    """
    by_weight = sorted(layers, key=lambda layer: layer.weight)
    found = []
    for _, same in groupby(by_weight, key=lambda layer: layer.weight):
        alone = list(same)
        actual_NK = probabilities_of(alone)
        changed = float((actual_NK.argmax(axis=1) != reference_NK.argmax(axis=1)).mean())
        found.append(Damage(str(alone[0]), changed, signal_to_noise_db(reference_NK, actual_NK)))
    return tuple(sorted(found, key=lambda damage: (-damage.changed, damage.signal_to_noise_db, damage.layer)))


def signal_to_noise_db(signal: NDArray[np.float32], with_noise: NDArray[np.float32]) -> float:
    """Give the ratio of a signal's power to that of its change; 20 decibels are a tenth in amplitude."""
    power = float(np.square(signal, dtype=np.float64).sum())
    noise = float(np.square(signal - with_noise, dtype=np.float64).sum())
    return 10 * log10(power / noise) if noise and power else inf
