"""The pictures of a search: those that train and those that validate, and not one more.

The test pictures are taken out of the data set before anything is decoded, so nothing in a search can look at them.
What divides a data set expects some, and gets the validation pictures in their place; nobody sees those either.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

from training.data import DataSet
from training.data.splits import Normalization, Splits, division_of, make_splits, training_and_validation
from training.pipeline import normalization_of
from training.recipe import Data, Picture, Recipe

_SIZES_KEPT = 3  # a search over the size of pictures comes back to each again and again


def splits_without_test(dataset: DataSet, *, recipe: Recipe, normalization: Normalization | None = None) -> Splits:
    """Divide a data set just as a training does, and leave its test pictures alone.

    Args:
        dataset: Opened.
        recipe: Of the trial.
        normalization: As `make_splits` takes it.

    Raises:
        DataError: As `make_splits` does.

    """
    training, validation = training_and_validation(dataset.divided(division_of(recipe.data)), recipe=recipe.data)
    pictures = {"train": training, "validation": validation, "test": validation}
    blind = dataclasses.replace(dataset, pictures=pictures, undivided=None)
    splits = make_splits(blind, recipe=recipe, normalization=normalization)
    return dataclasses.replace(splits, test=())


def pictures_for(dataset: DataSet, *, base: Recipe) -> Callable[[Recipe], Splits]:
    """Give a function that decodes the pictures of a trial's recipe, and remembers the last few sizes.

    Args:
        dataset: Opened.
        base: The recipe that is searched.

    """

    @functools.lru_cache(maxsize=_SIZES_KEPT)
    def decoded(data: Data, picture: Picture, normalization: Normalization | None) -> Splits:
        recipe = dataclasses.replace(base, data=data, picture=picture)
        return splits_without_test(dataset, recipe=recipe, normalization=normalization)

    return lambda recipe: decoded(recipe.data, recipe.picture, normalization_of(recipe))
