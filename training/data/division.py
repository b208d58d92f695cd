"""Which pictures are held back where a data set does not say: by chance, by seed, with a share of every class.

Needs labels alone, so a set is divided without reading a picture, and a broken file changes nothing for the others.

Axes: N pictures, M of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

_MOST_TEST_PICTURES = 10_000
_MOST_VALIDATION_PICTURES = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """How test pictures are taken out of a set that has none of its own.

    Args:
        seed: The same seed takes the same pictures.
        test_pictures: How many; None is a fifth, at most 10,000.

    """

    seed: int = 1
    test_pictures: int | None = None


def usual_test_pictures(available: int, *, classes: int) -> int:
    """Choose how many pictures test: a fifth, because an error measured on a dozen pictures says little."""
    return max(classes, min(available // 5, _MOST_TEST_PICTURES))


def usual_validation_pictures(available: int, *, classes: int) -> int:
    """Choose how many pictures validate: a tenth, which is enough to tell one epoch from another."""
    return max(classes, min(available // 10, _MOST_VALIDATION_PICTURES))


def held_back(labels_N: NDArray[np.int64], *, count: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hold pictures back by chance, with equal shares of every class, and one at least.

    Args:
        labels_N: Class of each picture; every class that occurs has at least two.
        count: Number to hold back.
        seed: The same seed takes the same pictures.

    Returns:
        Positions that remain and positions held back, both ascending.

    Raises:
        ValueError: So many cannot be held back with every class on both sides.

    """
    kept, held = train_test_split(np.arange(len(labels_N)), test_size=count, random_state=seed, stratify=labels_N)
    present = set(np.unique(labels_N))
    if set(labels_N[kept]) != present or set(labels_N[held]) != present:
        kept, held = _with_rare_classes(labels_N, count=count, seed=seed)
    return np.sort(kept), np.sort(held)


def _with_rare_classes(
    labels_N: NDArray[np.int64], *, count: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hold back at least one and leave at least one of each class; rounding equal shares would drop rare ones."""
    chance = np.random.default_rng(seed)
    held = []
    for label in np.unique(labels_N):
        positions = np.flatnonzero(labels_N == label)
        share = round(count * len(positions) / len(labels_N))
        held.append(chance.permutation(positions)[: min(max(share, 1), len(positions) - 1)])
    taken = np.concatenate(held)
    return np.setdiff1d(np.arange(len(labels_N)), taken), taken
