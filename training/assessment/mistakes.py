"""The mistakes that a model is surest of: where the data may be wrong, or the model knows too little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.publication.evaluation import Predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One picture that was taken for another class.

    Args:
        number: Of the picture in its split, from 0.
        true: Name of its class.
        predicted: Name of the first guess.
        probability: Of the first guess.
        true_probability: Of its own class.

    """

    number: int
    true: str
    predicted: str
    probability: float
    true_probability: float


def surest_mistakes(predictions: Predictions, labels: Sequence[str], *, count: int) -> tuple[Mistake, ...]:
    """Choose the wrong first guesses of highest probability, surest first; of equal ones the earlier picture.

    Args:
        predictions: On a split, in order.
        labels: Class names.
        count: At most so many.

    """
    probabilities_NK, labels_N = predictions.probabilities_NK, predictions.labels_N
    guesses_N = probabilities_NK.argmax(axis=1)
    wrong_M = np.flatnonzero(guesses_N != labels_N)
    surest = wrong_M[np.argsort(-probabilities_NK.max(axis=1)[wrong_M], kind="stable")][:count]
    return tuple(
        Mistake(
            number=number,
            true=labels[labels_N[number]],
            predicted=labels[guesses_N[number]],
            probability=float(probabilities_NK[number, guesses_N[number]]),
            true_probability=float(probabilities_NK[number, labels_N[number]]),
        )
        for number in surest.tolist()
    )
