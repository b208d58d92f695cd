"""`training.quantization.sensitivity`: each layer alone, worst first."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np
import pytest
from numpy.typing import NDArray

from training.quantization.layers import Layer
from training.quantization.sensitivity import damages, signal_to_noise_db

REFERENCE_NK = np.array([[0.9, 0.1], [0.6, 0.4]], np.float32)


def test_worst_layer_comes_first_and_equal_weights_count_once() -> None:
    """By answers that change, then by noise."""
    asked: list[list[str]] = []

    def probabilities_of(layers: Sequence[Layer]) -> NDArray[np.float32]:
        asked.append([layer.node for layer in layers])
        flipped, noisy = np.array([[0.9, 0.1], [0.4, 0.6]], np.float32), REFERENCE_NK + np.float32(0.01)
        return {"harmless": REFERENCE_NK, "noisy": noisy, "bad": flipped}[layers[0].weight]

    layers = [
        Layer("1", "Conv", "noisy"),
        Layer("2", "Conv", "bad"),
        Layer("3", "Conv", "harmless"),
        Layer("4", "Conv", "bad"),
    ]
    found = damages(layers, reference_NK=REFERENCE_NK, probabilities_of=probabilities_of)
    assert [damage.layer for damage in found] == ["bad (Conv)", "noisy (Conv)", "harmless (Conv)"]
    assert [damage.changed for damage in found] == [0.5, 0.0, 0.0]
    assert ["2", "4"] in asked


def test_signal_to_noise_in_decibels() -> None:
    """A tenth of the amplitude is 20 decibels; nothing lost is endlessly many."""
    signal = np.full(100, 2.0, np.float32)
    assert signal_to_noise_db(signal, signal * np.float32(1.1)) == pytest.approx(20, abs=1e-3)
    assert signal_to_noise_db(signal, signal) == inf
