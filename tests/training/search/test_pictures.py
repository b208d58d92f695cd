"""`training.search.pictures`: a search has the pictures of a training, and no test pictures at all."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from tests.picture_files import encoded
from tests.training.data_sets import LABELS, shape_picture, shape_recipe, write_parquet, write_shapes
from training.data import DataSet, open_data
from training.data.pictures import Pictures
from training.data.splits import make_splits
from training.errors import DataError
from training.learning.checkpoints import Checkpoint, write_checkpoint
from training.learning.starting import weights_to_publish
from training.recipe import Start
from training.search.pictures import pictures_for, splits_without_test
from training.settings import Settings

RECIPE = shape_recipe(data={"validation_pictures": 12})


def _opened(folder: Path) -> DataSet:
    settings = Settings(
        data_dirs=(folder.parent,), runs_dir=folder.parent / "runs", models_dir=folder.parent / "models"
    )
    return open_data(folder.name, settings=settings)


@pytest.fixture
def broken_test(tmp_path: Path) -> Path:
    """A data set of which no test picture can be decoded."""
    folder = write_shapes(tmp_path / "broken", training=60, test=30)
    write_parquet(folder / "test.parquet", [b"no picture"] * 30, [number % 3 for number in range(30)])
    return folder


def test_pictures_are_those_of_a_training(tmp_path: Path) -> None:
    """The same pictures train and validate, in the same order and with the same normalisation."""
    dataset = _opened(write_shapes(tmp_path / "good", training=60, test=30))
    whole, blind = make_splits(dataset, recipe=RECIPE), splits_without_test(dataset, recipe=RECIPE)
    assert blind.fingerprint == whole.fingerprint
    assert blind.spec == whole.spec
    assert isinstance(blind.validation, Pictures)
    assert isinstance(whole.validation, Pictures)
    assert torch.equal(blind.validation.pixels_NCHW, whole.validation.pixels_NCHW)
    assert len(whole.test) == 30
    assert len(blind.test) == 0


def test_test_pictures_are_never_decoded(broken_test: Path) -> None:
    """A training refuses this set because of its test pictures; a search does not even see them."""
    with pytest.raises(DataError):
        make_splits(_opened(broken_test), recipe=RECIPE)
    splits = splits_without_test(_opened(broken_test), recipe=RECIPE)
    assert (len(splits.training), len(splits.validation), len(splits.test)) == (48, 12, 0)


def test_test_pictures_that_were_put_aside_stay_aside(tmp_path: Path) -> None:
    """Of a set without test pictures a part is held back, and neither trains nor validates here either."""
    folder = tmp_path / "undivided"
    kinds = [number % 3 for number in range(90)]
    write_parquet(folder / "train.parquet", [encoded(shape_picture(k, seed=n)) for n, k in enumerate(kinds)], kinds)
    dataset = _opened(folder)
    assert dataset.labels == LABELS
    whole, blind = make_splits(dataset, recipe=RECIPE), splits_without_test(dataset, recipe=RECIPE)
    assert blind.fingerprint == whole.fingerprint
    assert len(blind.training) + len(blind.validation) == 90 - len(whole.test) < 90


def test_fine_tuning_shows_pictures_as_the_weights_have_learned_them(tmp_path: Path) -> None:
    """Mean and std come from the weights that the recipe starts from, as in a training; each is decoded once."""
    dataset = _opened(write_shapes(tmp_path / "good", training=60, test=3))
    weights = weights_to_publish(Checkpoint({}, {}), mean=(0.25,), std=(0.5,), labels=LABELS)
    write_checkpoint(tmp_path / "weights.safetensors", weights)
    start = Start(weights=str(tmp_path / "weights.safetensors"))
    splits_of = pictures_for(dataset, base=RECIPE)
    tuned = splits_of(dataclasses.replace(RECIPE, start=start))
    assert (tuned.spec.preprocessing.mean, tuned.spec.preprocessing.std) == ((0.25,), (0.5,))
    assert splits_of(dataclasses.replace(RECIPE, start=dataclasses.replace(start, layer_factor=0.5))) is tuned
    assert splits_of(RECIPE).spec.preprocessing.mean != (0.25,)


def test_pictures_of_every_size_are_decoded_once(tmp_path: Path) -> None:
    """A search over the size comes back to each of its sizes."""
    splits_of = pictures_for(_opened(write_shapes(tmp_path / "good", training=60, test=3)), base=RECIPE)
    smaller = dataclasses.replace(RECIPE, picture=dataclasses.replace(RECIPE.picture, size=14))
    assert splits_of(smaller).spec.height == 14
    assert splits_of(RECIPE).spec.height == 28
    assert splits_of(smaller) is splits_of(smaller)
    other_rate = dataclasses.replace(RECIPE, optimizer=dataclasses.replace(RECIPE.optimizer, learning_rate=0.5))
    assert splits_of(other_rate) is splits_of(RECIPE)
