"""`training.quantization.gate`: what may be published."""

from __future__ import annotations

import numpy as np

from service.artifact import Precision
from training.quantization.gate import AGREEMENT, GoldenAnswer, golden_answer, objections
from training.quantization.paired import Comparison


def _objections(
    newly_wrong: int = 0, *golden: GoldenAnswer, max_rise: float = 0.005, precision: Precision = "int8"
) -> tuple[str, ...]:
    comparison = Comparison(10_000, newly_wrong, 0, 500, newly_wrong)
    return objections(comparison, golden, precision=precision, max_rise=max_rise)


def test_half_a_point_more_passes_and_one_picture_beyond_does_not() -> None:
    """The limit itself is accepted."""
    assert _objections(50) == ()
    (objection,) = _objections(51)
    assert "rises by +0.51 points, from 5.00% to 5.51%; at most +0.50 points are allowed" in objection


def test_limit_can_be_moved() -> None:
    """None at all, or more."""
    assert _objections(51, max_rise=0.01) == ()
    assert len(_objections(1, max_rise=0.0)) == 1


def test_golden_samples_must_keep_their_first_guess_and_nearly_their_probabilities() -> None:
    """Each that does not is named, with its difference."""
    good, far, other = (
        GoldenAnswer("samples/a.png", same_guess=True, difference=AGREEMENT["int8"]),
        GoldenAnswer("samples/b.png", same_guess=True, difference=0.11),
        GoldenAnswer("samples/c.png", same_guess=False, difference=0.01),
    )
    found = _objections(0, good, far, other)
    assert found == (
        "golden sample samples/b.png gets a probability that differs by 0.11; 0.1 is allowed for int8",
        "golden sample samples/c.png gets another first guess",
    )


def test_fp16_must_agree_more_closely() -> None:
    """It loses far less than int8."""
    answer = GoldenAnswer("samples/a.png", same_guess=True, difference=0.05)
    assert _objections(0, answer) == ()
    assert len(_objections(0, answer, precision="fp16")) == 1


def test_answers_are_compared_by_first_guess_and_largest_difference() -> None:
    """On the probabilities of one picture."""
    before_K, after_K = np.array([0.6, 0.4, 0.0], np.float32), np.array([0.45, 0.5, 0.05], np.float32)
    found = golden_answer("x", before_K=before_K, after_K=after_K)
    assert not found.same_guess
    assert abs(found.difference - 0.15) < 1e-6
