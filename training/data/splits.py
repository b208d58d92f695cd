"""Which pictures train, which choose the best epoch, and which are never looked at until the end.

The test split is the data set's own, or was put aside when the set was opened, and takes no part in any decision.
Validation pictures are the set's own, or are taken from the training split by a seed. What is wrong with a data set is
found here, before the first epoch: classes without pictures, broken files, pictures that occur twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from service.artifact import Input
from training.data import DataSet, Division, Example, Examples
from training.data.classes import check_classes, check_parts, too_few
from training.data.decoding import Problem
from training.data.division import held_back, usual_validation_pictures
from training.data.loading import Loaded, Loader
from training.data.pictures import Pictures
from training.data.preprocessing import input_spec, plain_input_spec
from training.data.streaming import StreamedPictures, usual_workers
from training.data.twins import Keyed, Twins, find_twins
from training.errors import DataError
from training.recipe import Data, Recipe

Normalization = tuple[tuple[float, ...], tuple[float, ...]]
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Splits:
    """Disjoint pictures of one data set, ready for a network.

    Args:
        dataset: Where they come from.
        spec: The network's input, with mean and std of the training pictures.
        training: Decoded, in memory or as a stream.
        validation: Decoded, in memory or as a stream.
        test: Encoded as their files are: they meet the network only through the serving path.
        fingerprint: Hash over training and validation pictures in order.
        twins: Identical pictures across splits.
        remarks: What people should know about these pictures, in sentences.

    """

    dataset: DataSet
    spec: Input
    training: Pictures | StreamedPictures
    validation: Pictures | StreamedPictures
    test: Sequence[Example]
    fingerprint: str
    twins: Twins
    remarks: tuple[str, ...] = ()


def make_splits(dataset: DataSet, *, recipe: Recipe, normalization: Normalization | None = None) -> Splits:
    """Divide a data set as the recipe says, and look at every picture once.

    Args:
        dataset: Opened and listed.
        recipe: Of the run.
        normalization: Mean and standard deviation per channel, in units of 0..1; None measures the training pictures.

    Raises:
        DataError: A split or a class is missing, empty or too small, or a picture cannot be used and is not to be
            skipped.

    """
    dataset = dataset.divided(division_of(recipe.data))
    remarks = [*dataset.notes(), *check_classes(dataset)]
    plain = plain_input_spec(recipe.picture)
    loader = Loader(spec=plain, workers=usual_workers(recipe.data.workers), skip_broken=recipe.data.broken == "skip")
    room = recipe.data.memory_mb * 1_000_000 // (plain.channels * plain.height * plain.width)
    training, validation = _loaded(*training_and_validation(dataset, recipe=recipe.data), loader=loader, room=room)
    test, looked = loader.look_through(dataset.examples("test"))
    problems = (*training.problems, *validation.problems, *looked.problems)
    remarks += sorted_out(problems, skip=loader.skip_broken, source=dataset.source)
    others = {"validation": validation.examples, "test": test}
    remarks += check_parts(training.examples, others, dataset=dataset)
    twins = find_twins(
        Keyed.of(training.examples, training.keys),
        Keyed.of(validation.examples, validation.keys),
        Keyed.of(test, looked.keys),
    )
    mean, std = normalization or training.counts.statistics()
    return Splits(
        dataset=dataset,
        spec=input_spec(recipe.picture, mean=mean, std=std),
        training=training.pictures,
        validation=validation.pictures,
        test=test,
        fingerprint=loader.fingerprint.hexdigest(),
        twins=twins,
        remarks=(*remarks, *twins.named),
    )


def as_recipe_says(dataset: DataSet, *, recipe: Recipe, splits: Sequence[str] = ("test",)) -> DataSet:
    """Give a data set as a run of this recipe saw it, to look at its pictures again after the run.

    Args:
        dataset: Opened and listed.
        recipe: Of the run: how test pictures are put aside, and whether broken ones are skipped.
        splits: Whose pictures are needed; where broken ones are skipped, each of these is decoded once to find them.

    Raises:
        DataError: The set cannot be divided like that, or has no such split.

    """
    return without_broken(dataset.divided(division_of(recipe.data)), recipe=recipe, splits=splits)


def without_broken(dataset: DataSet, *, recipe: Recipe, splits: Sequence[str]) -> DataSet:
    """Leave out pictures that cannot be read, where a recipe skips them; each of these splits is then decoded once."""
    if recipe.data.broken == "refuse":
        return dataset
    loader = Loader(spec=plain_input_spec(recipe.picture), workers=usual_workers(recipe.data.workers), skip_broken=True)
    usable = {split: loader.look_through(dataset.examples(split))[0] for split in splits}
    return replace(dataset, pictures={**dataset.pictures, **usable})


def division_of(recipe: Data) -> Division:
    """Say how a recipe wants test pictures taken from a set that has none."""
    return Division(seed=recipe.split_seed, test_pictures=recipe.test_pictures)


def training_and_validation(dataset: DataSet, *, recipe: Data) -> tuple[Examples, Examples]:
    """Give the training pictures, and those that choose the epoch; what has no class stays where it is.

    Raises:
        DataError: There are no training pictures, or too few of a class to hold one back.

    """
    training = dataset.examples("train")
    if "validation" in dataset.splits:
        return training, dataset.examples("validation")
    few = too_few(training, least=2, labels=dataset.labels)
    if few:
        raise DataError(
            f"{dataset.source} has too few pictures of {', '.join(few)}: each class needs at least one to train and "
            "one to validate, and a third one to test."
        )
    valid = np.flatnonzero((training.labels_N >= 0) & (training.labels_N < training.classes))
    labels_N = training.labels_N[valid]
    usual = usual_validation_pictures(len(valid), classes=len(np.unique(labels_N)))
    count = recipe.validation_pictures or usual
    try:
        _, held = held_back(labels_N, count=count, seed=recipe.split_seed)
    except ValueError as error:
        raise DataError(
            f"{count} of the {len(valid)} training pictures of {dataset.source} cannot be held back for validation "
            f"with every class on both sides ({error}); change data.validation_pictures, for example "
            f"--set data.validation_pictures={usual}."
        ) from error
    return training.select(np.setdiff1d(np.arange(len(training)), valid[held])), training.select(valid[held])


def sorted_out(problems: Sequence[Problem], *, skip: bool, source: str) -> tuple[str, ...]:
    """Say which pictures cannot be used.

    Raises:
        DataError: There are some, and they are not to be skipped.

    """
    if not problems:
        return ()
    more = f"\n  ... and {len(problems) - _SHOWN:,} more" if len(problems) > _SHOWN else ""
    listed = "".join(f"\n  {problem.text}" for problem in problems[:_SHOWN]) + more
    pictures = "1 picture" if len(problems) == 1 else f"{len(problems):,} pictures"
    if skip:
        return (f"{pictures} of {source} left out, unusable:{listed}",)
    raise DataError(
        f"{pictures} of {source} cannot be used:{listed}\nMend or remove them, or go on without them with "
        '--set data.broken="skip".'
    )


def _loaded(training: Examples, validation: Examples, *, loader: Loader, room: int) -> tuple[Loaded, Loaded]:
    """Keep both in memory if there is room for so many pictures, else the validation pictures, else none."""
    trained = (loader.into_memory if len(training) + len(validation) <= room else loader.streamed)(training)
    validated = (loader.into_memory if len(validation) <= room else loader.streamed)(validation)
    return trained, validated
