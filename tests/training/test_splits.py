"""`training.splits`: disjoint, seeded, of equal shares; identical pictures across splits are counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.picture_files import encoded
from tests.training.data_sets import experiment, folders_in, shape_picture, write_parquet, write_shapes
from training.data import open_data
from training.errors import DataError
from training.pictures import Pictures, channel_statistics
from training.splits import Splits, Twins, count_twins, hold_back, make_splits


def _numbered(count: int, *, classes: int = 4) -> Pictures:
    pixels = torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1)
    return Pictures(pixels, torch.arange(count) % classes)


def _numbers(pictures: Pictures) -> list[int]:
    values: list[int] = pictures.pixels_NCHW.flatten().tolist()
    return values


def test_held_back_pictures_are_disjoint_from_the_rest_and_nothing_is_lost() -> None:
    """Each picture stands on exactly one side, in its original order."""
    kept, held = hold_back(_numbered(100), count=20, seed=1, source="x")
    assert sorted(_numbers(kept) + _numbers(held)) == list(range(100))
    assert _numbers(kept) == sorted(_numbers(kept))
    assert len(held) == 20


def test_every_class_gives_its_share() -> None:
    """Validation is no luckier than training: a class of a quarter gives a quarter."""
    _, held = hold_back(_numbered(100), count=20, seed=1, source="x")
    assert torch.bincount(held.labels_N).tolist() == [5, 5, 5, 5]


def test_the_seed_decides_which() -> None:
    """The same seed holds back the same pictures, another seed others."""
    first, again, other = (_numbers(hold_back(_numbered(100), count=20, seed=s, source="x")[1]) for s in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("count", [2, 99, 100, 200])
def test_too_many_or_too_few_are_refused_with_a_way_out(count: int) -> None:
    """A number that leaves a class without pictures on one side is an error with a suggestion."""
    with pytest.raises(DataError, match=r"data\.validation_pictures=10"):
        hold_back(_numbered(100), count=count, seed=1, source="x")


def test_splits_of_a_set_have_statistics_of_the_training_pictures_alone(splits: Splits) -> None:
    """Normalisation knows nothing of validation and test."""
    assert (len(splits.training), len(splits.validation), len(splits.test)) == (180, 60, 60)
    mean, std = channel_statistics(splits.training)
    assert (splits.spec.preprocessing.mean, splits.spec.preprocessing.std) == (mean, std)
    assert mean != channel_statistics(splits.validation)[0]


def test_own_validation_split_is_used_as_it_is(tmp_path: Path) -> None:
    """Where the authors chose validation pictures, none are taken from training."""
    folder = write_shapes(tmp_path / "data" / "shapes", training=12, test=3)
    write_parquet(folder / "validation.parquet", [encoded(shape_picture(1, seed=7))], [1])
    found = make_splits(open_data("shapes", settings=folders_in(tmp_path)), recipe=experiment().recipe)
    assert (len(found.training), len(found.validation)) == (12, 1)
    assert np.array_equal(found.validation.pixels_NCHW[0, 0].numpy(), shape_picture(1, seed=7))


def test_identical_pictures_across_splits_are_counted() -> None:
    """A copy in validation of a training picture, and copies in test of either, are found."""
    found = count_twins([b"a", b"b", b"b"], [b"b", b"c"], [b"a", b"c", b"d", b"a"])
    assert found == Twins(validation_in_training=1, test_in_training=3)


def test_fingerprint_is_the_same_for_every_seed_of_a_run(splits: Splits, tmp_path: Path) -> None:
    """Seeds of a run compare on equal pictures; another split seed divides them anew."""
    write_shapes(tmp_path / "data" / "shapes")
    found = open_data("shapes", settings=folders_in(tmp_path))
    same = make_splits(found, recipe=experiment(seed=2).recipe)
    other = make_splits(found, recipe=experiment(data={"split_seed": 5}).recipe)
    assert same.fingerprint == splits.fingerprint != other.fingerprint
