"""How each class fares: its error, and what it is most often taken for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.publication.scores import error_with_interval


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassScore:
    """One class of the model.

    Args:
        label: Its name.
        n: Number of its pictures.
        wrong: How many of them are taken for another class.
        error: Share of them; None where there is no picture of the class.
        interval: Its 95 % interval.
        precision: Share of the pictures taken for this class that are of it; None where none is taken for it.
        confused_with: The class they are most often taken for; None where none is wrong.
        confused: How often.

    """

    label: str
    n: int
    wrong: int
    error: float | None
    interval: tuple[float, float] | None
    precision: float | None
    confused_with: str | None
    confused: int


def class_scores(counts_KK: NDArray[np.int64], labels: Sequence[str]) -> tuple[ClassScore, ...]:
    """Score every class, in the order of the labels.

    Args:
        counts_KK: Pictures by true class and first guess.
        labels: Class names.

    """
    return tuple(_score(counts_KK, labels, number) for number in range(len(labels)))


def _score(counts_KK: NDArray[np.int64], labels: Sequence[str], number: int) -> ClassScore:
    taken_K = counts_KK[number].copy()
    n, right = int(taken_K.sum()), int(taken_K[number])
    taken_K[number] = 0
    most = int(taken_K.argmax())
    guessed = int(counts_KK[:, number].sum())
    error, interval = error_with_interval(n - right, n) if n else (None, None)
    return ClassScore(
        label=labels[number],
        n=n,
        wrong=n - right,
        error=error,
        interval=interval,
        precision=right / guessed if guessed else None,
        confused_with=labels[most] if n > right else None,
        confused=int(taken_K[most]),
    )
