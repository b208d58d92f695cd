"""`training.publication.temperature`: the temperature that makes the true classes likeliest."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from training.publication.scores import evaluation_of
from training.publication.temperature import HIGHEST, fit_temperature


def _softmax(logits_NK: NDArray[np.float32]) -> NDArray[np.float32]:
    powers_NK = np.exp(logits_NK - logits_NK.max(axis=1, keepdims=True))
    shares_NK: NDArray[np.float32] = powers_NK / powers_NK.sum(axis=1, keepdims=True)
    return shares_NK


def _drawn(temperature: float, *, n: int = 20_000) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Draw true classes from the probabilities of some logits, and give these logits times a temperature."""
    random = np.random.default_rng(0)
    logits_NK = random.normal(0, 2, (n, 5)).astype(np.float32)
    cumulative_NK = _softmax(logits_NK).cumsum(axis=1)
    labels_N = (random.random((n, 1)) > cumulative_NK).sum(axis=1).clip(max=4)
    return (logits_NK * temperature).astype(np.float32), labels_N.astype(np.int64)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_temperature_that_was_put_in_is_found_again(temperature: float) -> None:
    """Twenty thousand drawn answers give it within a few per cent."""
    assert fit_temperature(*_drawn(temperature)) == pytest.approx(temperature, rel=0.03)


def test_calibrated_answers_are_as_sure_as_they_are_right() -> None:
    """The expected calibration error falls from a fifth to almost nothing, and no first guess changes."""
    logits_NK, labels_N = _drawn(0.3)
    before = evaluation_of(_softmax(logits_NK), labels_N, dataset="a", split="test")
    divided_NK = (logits_NK / fit_temperature(logits_NK, labels_N)).astype(np.float32)
    after = evaluation_of(_softmax(divided_NK), labels_N, dataset="a", split="test")
    assert before.calibration_error > 0.1
    assert after.calibration_error < 0.02
    assert after.top1_error == before.top1_error


def test_pictures_without_a_mistake_do_not_make_a_network_endlessly_sure() -> None:
    """Fifteen right ones are answered with 16 in 17: by hand, exp(1/T) = 32. What is always wrong is made unsure."""
    logits_NK = np.eye(3, dtype=np.float32).repeat(5, axis=0)
    labels_N = np.arange(3).repeat(5)
    assert fit_temperature(logits_NK, labels_N) == pytest.approx(1 / np.log(32), rel=1e-3)
    assert fit_temperature(logits_NK, (labels_N + 1) % 3) == pytest.approx(HIGHEST, rel=1e-3)
