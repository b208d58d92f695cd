"""The pictures of a search: those that train and those that validate, and not one more.

The test pictures are taken out of the data set before anything is decoded, so nothing in a search can look at them.
What divides a data set expects some, and gets the validation pictures in their place; nobody sees those either.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

from training.data import DataSet
from training.recipe import Data, Picture, Recipe
from training.splits import Splits, division_of, make_splits, training_and_validation

_SIZES_KEPT = 3  # a search over the size of pictures comes back to each again and again


def splits_without_test(dataset: DataSet, *, recipe: Recipe) -> Splits:
    """Divide a data set just as a training does, and leave its test pictures alone.

    Raises:
        DataError: As `make_splits` does.

    """
    training, validation = training_and_validation(dataset.divided(division_of(recipe.data)), recipe=recipe.data)
    pictures = {"train": training, "validation": validation, "test": validation}
    splits = make_splits(dataclasses.replace(dataset, pictures=pictures, undivided=None), recipe=recipe)
    return dataclasses.replace(splits, test=())


def pictures_for(dataset: DataSet, *, base: Recipe) -> Callable[[Recipe], Splits]:
    """Give a function that decodes the pictures of a trial's recipe, and remembers the last few sizes.

    Args:
        dataset: Opened.
        base: The recipe that is searched.

    """

    @functools.lru_cache(maxsize=_SIZES_KEPT)
    def decoded(data: Data, picture: Picture) -> Splits:
        return splits_without_test(dataset, recipe=dataclasses.replace(base, data=data, picture=picture))

    return lambda recipe: decoded(recipe.data, recipe.picture)
