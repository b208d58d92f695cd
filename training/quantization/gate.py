"""Whether a file in fewer bits may be published: it must err as rarely, and answer the golden samples alike.

Axes: K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.artifact import Precision
from training.quantization.paired import Comparison

# How far a probability of a golden sample may lie from the float32 file's. Measured on 1,000 pictures that a network of
# 77 % accuracy was unsure about, int8 moved probabilities by 0.002 on average and 0.05 to 0.12 at most.
AGREEMENT: dict[Precision, float] = {"fp32": 0.0, "fp16": 0.01, "int8": 0.1}


@dataclass(frozen=True, slots=True)
class GoldenAnswer:
    """What both files say about one golden sample.

    Args:
        file: Path inside the model folder.
        same_guess: Their first guesses are the same class.
        difference: Largest absolute difference of a probability.

    """

    file: str
    same_guess: bool
    difference: float


def golden_answer(file: str, *, before_K: NDArray[np.float32], after_K: NDArray[np.float32]) -> GoldenAnswer:
    """Compare the probabilities that two files give for a golden sample."""
    return GoldenAnswer(file, bool(before_K.argmax() == after_K.argmax()), float(np.abs(before_K - after_K).max()))


def objections(
    comparison: Comparison, golden: Sequence[GoldenAnswer], *, precision: Precision, max_rise: float
) -> tuple[str, ...]:
    """Say in sentences why a file must not be published; none if it may.

    Args:
        comparison: On the evaluation pictures.
        golden: On each golden sample.
        precision: Of the file.
        max_rise: Largest rise of the top-1 error that is accepted, as a share.

    """
    found = []
    # a hair of slack, so that 50 pictures of 10,000 are half a point however the division rounds
    if comparison.rise > max_rise + 1e-12:
        found.append(
            f"top-1 error rises by {points(comparison.rise)}, from {comparison.error_before:.2%} to "
            f"{comparison.error_after:.2%}; at most {points(max_rise)} are allowed"
        )
    allowed = AGREEMENT[precision]
    for answer in golden:
        if not answer.same_guess:
            found.append(f"golden sample {answer.file} gets another first guess")
        elif answer.difference > allowed:
            found.append(
                f"golden sample {answer.file} gets a probability that differs by {answer.difference:.2g}; "
                f"{allowed} is allowed for {precision}"
            )
    return tuple(found)


def points(share: float) -> str:
    """Write a difference of error rates in percentage points."""
    return f"{share * 100:+.2f} points"
