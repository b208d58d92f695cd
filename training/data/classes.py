"""Whether pictures show the classes that a network is to tell apart, found out by counting labels.

Knows lists of pictures; opens none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.data import DataSet, Examples
from training.data.folders import FolderFiles
from training.errors import DataError

_SHOWN = 5


def check_classes(dataset: DataSet) -> tuple[str, ...]:
    """Look at a data set before it is divided further.

    Returns:
        Remarks: classes that are declared and have no picture anywhere.

    Raises:
        DataError: There are fewer than two classes, or one of them has no training pictures.

    """
    labels, training = dataset.labels, dataset.examples("train")
    if len(labels) < 2:
        raise DataError(
            f"{dataset.source} has one class only, {labels[0]!r}, and there is nothing to tell apart; put the pictures "
            "of each class into a folder of its own, and name the folder above them."
        )
    total_K = sum((examples.counts() for examples in dataset.pictures.values()), np.zeros(len(labels), np.int64))
    if not total_K.any():
        raise DataError(f"{dataset.source} has no picture with a label of its {len(labels)} classes.")
    never = _where(total_K == 0, labels)
    if never and isinstance(training.files, FolderFiles):
        raise DataError(
            f"{dataset.source} has no pictures of {_listed(never)}; put some into the folder, or remove the folder."
        )
    untrained = _where((training.counts() == 0) & (total_K > 0), labels)
    if untrained:
        raise DataError(
            f"{dataset.source} has no training pictures of {_listed(untrained)}, only others; a network cannot learn "
            "what it is never shown."
        )
    return (f"No pictures at all of {_listed(never)}: the network will never answer that.",) if never else ()


def check_parts(training: Examples, others: dict[str, Examples], *, dataset: DataSet) -> list[str]:
    """Look at the divided pictures, once the broken ones are out.

    Args:
        training: What is left to train with.
        others: The further splits by name.
        dataset: Out of which they come.

    Returns:
        Remarks: classes that a further split does not show, so that its error says nothing about them.

    Raises:
        DataError: A split is empty, or a class is left without training pictures.

    """
    for split, examples in {"training": training, **others}.items():
        if not len(examples):
            raise DataError(f"{dataset.source} has no {split} pictures that can be used.")
    trained_K = training.counts() > 0
    untrained = _where((dataset.examples("train").counts() > 0) & ~trained_K, dataset.labels)
    if untrained:
        raise DataError(f"{dataset.source} has no training pictures of {_listed(untrained)} that can be used.")
    missing = {
        split: _where(trained_K & (examples.counts() == 0), dataset.labels) for split, examples in others.items()
    }
    return [
        f"No {split} pictures of {_listed(names)}: the {split} error says nothing about them."
        for split, names in missing.items()
        if names
    ]


def too_few(examples: Examples, *, least: int, labels: Sequence[str]) -> list[str]:
    """List the classes with some pictures but fewer than `least`, with their number."""
    counted = zip(labels, examples.counts().tolist(), strict=True)
    return [f"{label!r} ({count})" for label, count in counted if 0 < count < least]


def _where(chosen_K: NDArray[np.bool_], labels: Sequence[str]) -> list[str]:
    return [label for label, chosen in zip(labels, chosen_K.tolist(), strict=True) if chosen]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, names[:_SHOWN])) + more
