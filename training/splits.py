"""Which pictures train, which choose the best epoch, and which are never looked at until the end.

The test split is the data set's own and takes no part in any decision. Validation pictures are the set's own, or are
taken from the training split by a seed. Pictures that occur twice across splits are counted and reported: they make a
score look better than it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import train_test_split

from service.artifact import Input
from training.data import DataSet, Example
from training.errors import DataError
from training.pictures import Pictures, channel_statistics, decode_all, fingerprint
from training.preprocessing import input_spec, plain_input_spec
from training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Twins:
    """How many pictures of a later split stand, pixel for pixel, in an earlier one too.

    Args:
        validation_in_training: Validation pictures that training shows as well.
        test_in_training: Test pictures that training or validation shows as well.

    """

    validation_in_training: int
    test_in_training: int


@dataclass(frozen=True, slots=True)
class Splits:
    """Disjoint pictures of one data set, ready for a network.

    Args:
        dataset: Where they come from.
        spec: The network's input, with mean and std of the training pictures.
        training: Decoded.
        validation: Decoded.
        test: Encoded as their files are: they meet the network only through the serving path.
        fingerprint: Hash over training and validation pictures in order.
        twins: Identical pictures across splits.

    """

    dataset: DataSet
    spec: Input
    training: Pictures
    validation: Pictures
    test: tuple[Example, ...]
    fingerprint: str
    twins: Twins


def make_splits(dataset: DataSet, *, recipe: Recipe) -> Splits:
    """Decode a data set and divide it as the recipe says.

    Raises:
        DataError: A split is missing, empty or too small, or a picture cannot be read.

    """
    plain = plain_input_spec(recipe.picture)
    training = decode_all(dataset.examples("train"), spec=plain)
    if "validation" in dataset.splits:
        validation = decode_all(dataset.examples("validation"), spec=plain)
    else:
        training, validation = hold_back(
            training, count=recipe.data.validation_pictures, seed=recipe.data.split_seed, source=dataset.source
        )
    test = tuple(dataset.examples("test"))
    mean, std = channel_statistics(training)
    return Splits(
        dataset=dataset,
        spec=input_spec(recipe.picture, mean=mean, std=std),
        training=training,
        validation=validation,
        test=test,
        fingerprint=fingerprint(training, validation),
        twins=count_twins(training.keys(), validation.keys(), decode_all(test, spec=plain).keys()),
    )


def hold_back(pictures: Pictures, *, count: int, seed: int, source: str) -> tuple[Pictures, Pictures]:
    """Take validation pictures out by chance, with equal shares of every class.

    Args:
        pictures: All of them.
        count: Number to hold back.
        seed: The same seed takes the same pictures.
        source: For the message.

    Returns:
        The pictures that remain, and the ones held back; both in their original order.

    Raises:
        DataError: So many cannot be held back with every class on both sides.

    """
    labels = pictures.labels_N.numpy()
    try:
        kept, held = train_test_split(np.arange(len(labels)), test_size=count, random_state=seed, stratify=labels)
    except ValueError as error:
        raise DataError(
            f"{count} of the {len(labels)} training pictures of {source} cannot be held back for validation with every "
            f"class on both sides ({error}); change data.validation_pictures, for example "
            f"--set data.validation_pictures={max(1, len(labels) // 10)}."
        ) from error
    return pictures.select(np.sort(kept)), pictures.select(np.sort(held))


def count_twins(training: Sequence[bytes], validation: Sequence[bytes], test: Sequence[bytes]) -> Twins:
    """Count identical pictures across splits by their keys."""
    seen_training = set(training)
    seen = seen_training | set(validation)
    return Twins(
        validation_in_training=sum(key in seen_training for key in validation),
        test_in_training=sum(key in seen for key in test),
    )
