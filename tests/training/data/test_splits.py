"""`splits`: disjoint, seeded, of equal shares; what is wrong with pictures is said before the first epoch."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.picture_files import encoded
from tests.training.data_sets import (
    LABELS,
    experiment,
    folders_in,
    shape_picture,
    write_class_folders,
    write_parquet,
    write_shapes,
)
from training.data import open_data
from training.data.pictures import ChannelCounts, Pictures
from training.data.splits import Splits, as_recipe_says, make_splits
from training.data.streaming import StreamedPictures
from training.errors import DataError
from training.recipe import Recipe


def _recipe(**data: object) -> Recipe:
    """Give a recipe for shapes that leaves its numbers of pictures to the data."""
    return experiment(data={"validation_pictures": None, **data}).recipe


def _split(folder: Path, **data: object) -> Splits:
    return make_splits(open_data(str(folder), settings=folders_in(folder.parent)), recipe=_recipe(**data))


def test_splits_of_a_set_have_statistics_of_the_training_pictures_alone(splits: Splits) -> None:
    """Normalisation knows nothing of validation and test."""
    assert isinstance(splits.training, Pictures)
    assert isinstance(splits.validation, Pictures)
    assert (len(splits.training), len(splits.validation), len(splits.test)) == (180, 60, 60)
    used = (splits.spec.preprocessing.mean, splits.spec.preprocessing.std)
    assert used == _statistics(splits.training)
    assert used != _statistics(splits.validation)


def _statistics(pictures: Pictures) -> tuple[tuple[float, ...], tuple[float, ...]]:
    counts = ChannelCounts()
    counts.add(pictures.pixels_NCHW.numpy())
    return counts.statistics()


def test_normalisation_can_be_that_of_a_starting_model(tmp_path: Path) -> None:
    """Weights that were trained with other statistics go on with them."""
    folder = write_class_folders(tmp_path / "photos", dict.fromkeys(LABELS, 6))
    found = make_splits(
        open_data(str(folder), settings=folders_in(tmp_path)), recipe=_recipe(), normalization=((0.25,), (0.5,))
    )
    assert (found.spec.preprocessing.mean, found.spec.preprocessing.std) == ((0.25,), (0.5,))


def test_own_validation_split_is_used_as_it_is(tmp_path: Path) -> None:
    """Where the authors chose validation pictures, none are taken from training."""
    folder = write_shapes(tmp_path / "data" / "shapes", training=12, test=3)
    write_parquet(folder / "validation.parquet", [encoded(shape_picture(1, seed=700))], [1])
    found = _split(folder)
    assert (len(found.training), len(found.validation)) == (12, 1)
    assert isinstance(found.validation, Pictures)
    assert np.array_equal(found.validation.pixels_NCHW[0, 0].numpy(), shape_picture(1, seed=700))
    assert found.remarks == (
        "No validation pictures of 'lying bar', 'block': the validation error says nothing about them.",
    )


def test_folder_of_classes_is_divided_into_three_by_seed_and_says_so(tmp_path: Path) -> None:
    """Each class gives its share to each split, no picture stands in two, another seed divides anew."""
    folder = write_class_folders(tmp_path / "photos", dict.fromkeys(LABELS, 20))
    found, again, other = _split(folder), _split(folder), _split(folder, split_seed=2)
    assert found.validation.labels_N.bincount().tolist() == [1, 2, 1]  # a tenth of 48
    assert found.training.labels_N.bincount().tolist() == [15, 14, 15]
    assert np.bincount([example.label for example in found.test]).tolist() == [4, 4, 4]
    assert len(found.training) + len(found.validation) + len(found.test) == 60
    assert dataclasses.astuple(found.twins)[:3] == (0, 0, 0)  # no picture stands in two splits
    assert "12 of the 60 pictures were put aside for the test by chance (seed 1)." in found.remarks
    assert found.fingerprint == again.fingerprint != other.fingerprint
    assert [example.origin for example in found.test] == [example.origin for example in again.test]
    assert [example.origin for example in found.test] != [example.origin for example in other.test]


def test_rare_class_stands_in_every_split(tmp_path: Path) -> None:
    """Three pictures of a class among hundreds are one to train, one to validate and one to test."""
    folder = write_class_folders(tmp_path / "photos", {"lying bar": 90, "standing bar": 3})
    found = _split(folder)
    for labels in (found.training.labels_N, found.validation.labels_N, [example.label for example in found.test]):
        assert np.bincount(labels).tolist()[1] == 1


def test_numbers_of_pictures_can_be_asked_for(tmp_path: Path) -> None:
    """A recipe's own numbers go before the usual shares."""
    folder = write_class_folders(tmp_path / "photos", dict.fromkeys(LABELS, 10))
    found = _split(folder, validation_pictures=9, test_pictures=6)
    assert (len(found.training), len(found.validation), len(found.test)) == (15, 9, 6)


@pytest.mark.parametrize("key", ["validation_pictures", "test_pictures"])
@pytest.mark.parametrize("count", [2, 29, 200])
def test_too_many_or_too_few_are_refused_with_a_way_out(tmp_path: Path, key: str, count: int) -> None:
    """A number that leaves a class without pictures on one side is an error with a suggestion."""
    folder = write_class_folders(tmp_path / "photos", dict.fromkeys(LABELS, 10))
    with pytest.raises(DataError, match=rf"{count} of the .* --set data\.{key}=\d+\."):
        _split(folder, **{key: count})


def test_class_of_one_picture_is_named(tmp_path: Path) -> None:
    """One picture cannot train and validate."""
    folder = write_class_folders(tmp_path / "photos", {"cats": 10, "dogs": 1})
    with pytest.raises(DataError, match=r"too few pictures of 'dogs' \(1\): each class needs at least one to train"):
        _split(folder)


def test_class_of_two_pictures_is_not_tested_and_the_remarks_say_so(tmp_path: Path) -> None:
    """One picture trains and one validates; that none tests is no secret."""
    folder = write_class_folders(tmp_path / "photos", {"cats": 10, "dogs": 2})
    assert "No test pictures of 'dogs': the test error says nothing about them." in _split(folder).remarks


def test_one_class_is_refused(tmp_path: Path) -> None:
    """With one class there is nothing to learn; the way out is said."""
    folder = write_class_folders(tmp_path / "photos", {"cats": 10})
    with pytest.raises(DataError, match=r"one class only, 'cats'.*folder of its own"):
        _split(folder)


def test_empty_class_is_named(tmp_path: Path) -> None:
    """A folder without pictures is a mistake that costs a useless output."""
    folder = write_class_folders(tmp_path / "photos", {"cats": 5, "dogs": 5, "birds": 0})
    with pytest.raises(DataError, match="no pictures of 'birds'; put some into the folder, or remove the folder"):
        _split(folder)


def test_class_that_is_only_tested_is_named(tmp_path: Path) -> None:
    """A class of the test pictures alone can never be told."""
    write_class_folders(tmp_path / "photos" / "train", {"cats": 5, "dogs": 5})
    write_class_folders(tmp_path / "photos" / "test", {"cats": 2, "owls": 2})
    with pytest.raises(DataError, match="no training pictures of 'owls', only others"):
        _split(tmp_path / "photos")


def test_class_that_is_not_tested_is_remarked(tmp_path: Path) -> None:
    """A test error without a class is given, and says what it leaves out."""
    write_class_folders(tmp_path / "photos" / "train", {"cats": 6, "dogs": 6})
    write_class_folders(tmp_path / "photos" / "test", {"cats": 2})
    assert "No test pictures of 'dogs': the test error says nothing about them." in _split(tmp_path / "photos").remarks


def test_declared_class_without_pictures_is_remarked_where_it_cannot_be_removed(tmp_path: Path) -> None:
    """The schema of a table may name more classes than the table shows."""
    files = [encoded(shape_picture(kind, seed=seed)) for kind in (0, 1) for seed in range(6)]
    write_parquet(tmp_path / "shapes" / "train.parquet", files, [0] * 6 + [1] * 6)
    found = _split(tmp_path / "shapes")
    assert "No pictures at all of 'block': the network will never answer that." in found.remarks


def _with_broken(tmp_path: Path) -> Path:
    folder = write_class_folders(tmp_path / "photos", dict.fromkeys(("cats", "dogs"), 10))
    (folder / "cats" / "aaa.jpg").write_bytes(b"\xff\xd8\xff cut short")
    (folder / "dogs" / "notes.txt").write_text("not a picture")
    (folder / "dogs" / "IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    return folder


def test_broken_files_are_all_named_before_anything_is_trained(tmp_path: Path) -> None:
    """Who has many broken files learns of all of them at once, and how to go on without."""
    with pytest.raises(DataError) as caught:
        _split(_with_broken(tmp_path))
    text = str(caught.value)
    assert text.startswith("3 pictures of ")
    assert "cats/aaa.jpg: The picture cannot be read" in text
    assert "dogs/notes.txt: Pictures may be JPEG, PNG" in text
    assert "dogs/IMG_1.HEIC: HEIC is not read; convert it to one of JPEG, PNG" in text
    assert '--set data.broken="skip"' in text


@pytest.mark.parametrize("memory_mb", [0, 2000])
def test_broken_files_are_left_out_as_asked_and_named(tmp_path: Path, memory_mb: int) -> None:
    """Skipping changes nothing for the pictures that are in order, and is said."""
    found = _split(_with_broken(tmp_path), broken="skip", memory_mb=memory_mb)
    assert len(found.training) + len(found.validation) + len(found.test) == 20
    (remark,) = [remark for remark in found.remarks if "left out" in remark]
    assert remark.startswith("3 pictures of ")
    assert "notes.txt" in remark
    assert all(not example.origin.endswith((".txt", ".HEIC")) for example in found.test)
    assert found.training.take(torch.arange(len(found.training))).flatten(1).any(dim=1).all()  # no black picture


def test_pictures_of_a_finished_run_are_found_again(tmp_path: Path) -> None:
    """After a run the same test pictures are there: put aside alike, and without the broken ones if it skipped them."""
    folder = _with_broken(tmp_path)
    opened = open_data(str(folder), settings=folders_in(tmp_path))
    recipe = _recipe(broken="skip", split_seed=4, test_pictures=14)
    found = as_recipe_says(opened, recipe=recipe)
    tested = [example.origin for example in make_splits(opened, recipe=recipe).test]
    assert len(tested) < 14
    assert [example.origin for example in found.examples("test")] == tested
    assert len(as_recipe_says(opened, recipe=_recipe(test_pictures=14)).examples("test")) == 14


def test_labels_of_no_class_count_as_broken(tmp_path: Path) -> None:
    """A label out of range is named, or its picture skipped."""
    files = [encoded(shape_picture(number % 3, seed=number)) for number in range(30)]
    labels = [number % 3 for number in range(30)]
    labels[4], labels[5] = 7, -1
    write_parquet(tmp_path / "shapes" / "train.parquet", files, labels)
    with pytest.raises(DataError, match=r"(?s)2 pictures of .*train-4\.png: label 7 is none of the 3 classes"):
        _split(tmp_path / "shapes")
    found = _split(tmp_path / "shapes", broken="skip")
    assert len(found.training) + len(found.validation) + len(found.test) == 28


def test_class_whose_pictures_are_all_broken_is_named(tmp_path: Path) -> None:
    """Skipping must not leave a class without pictures."""
    folder = write_class_folders(tmp_path / "photos", {"cats": 8, "dogs": 8})
    for path in (folder / "dogs").iterdir():
        path.write_bytes(b"broken")
    with pytest.raises(DataError, match=r"(?s)8 pictures of .* cannot be used.*dogs/00.\.png: .*and 3 more"):
        _split(folder)
    with pytest.raises(DataError, match="no training pictures of 'dogs' that can be used"):
        _split(folder, broken="skip")


def test_split_whose_pictures_are_all_broken_is_refused(tmp_path: Path) -> None:
    """Nothing can be measured on nothing."""
    write_class_folders(tmp_path / "photos" / "train", {"cats": 5, "dogs": 5})
    for path in (write_class_folders(tmp_path / "photos" / "test", {"cats": 1, "dogs": 1})).rglob("*.png"):
        path.write_bytes(b"broken")
    with pytest.raises(DataError, match="no test pictures that can be used"):
        _split(tmp_path / "photos", broken="skip")


def test_pictures_beyond_the_memory_are_streamed_and_come_to_the_same(tmp_path: Path) -> None:
    """Only where pixels are kept changes: same pictures, labels, statistics, fingerprint and twins."""
    folder = write_class_folders(tmp_path / "photos", dict.fromkeys(LABELS, 20))
    kept, streamed = _split(folder), _split(folder, memory_mb=0)
    assert isinstance(kept.training, Pictures)
    assert isinstance(streamed.training, StreamedPictures)
    assert isinstance(streamed.validation, StreamedPictures)
    everything = torch.arange(len(kept.training))
    assert torch.equal(streamed.training.take(everything), kept.training.pixels_NCHW)
    assert torch.equal(streamed.training.labels_N, kept.training.labels_N)
    assert streamed.fingerprint == kept.fingerprint
    assert streamed.spec == kept.spec
    assert streamed.twins == kept.twins


def test_identical_pictures_across_splits_and_with_two_labels_are_named(tmp_path: Path) -> None:
    """A copy makes the test easier, a copy under another class makes it wrong; both are found by their pixels."""
    write_class_folders(tmp_path / "photos" / "train", {"cats": 10, "dogs": 10})
    write_class_folders(tmp_path / "photos" / "test", {"cats": 0, "dogs": 0}, first_seed=50)
    photos = tmp_path / "photos"
    copied = next((photos / "train" / "cats").iterdir()).read_bytes()
    (photos / "test" / "dogs" / "copy.png").write_bytes(copied)
    (photos / "test" / "cats" / "other.png").write_bytes(encoded(shape_picture(1, seed=99)))
    found = _split(photos)
    assert (found.twins.test_in_training, found.twins.contradictory) == (1, 2)
    assert any("dogs/copy.png = " in remark and "train/cats" in remark for remark in found.remarks)


def test_fingerprint_is_the_same_for_every_seed_of_a_run(splits: Splits, tmp_path: Path) -> None:
    """Seeds of a run compare on equal pictures; another split seed divides them anew."""
    write_shapes(tmp_path / "data" / "shapes")
    found = open_data("shapes", settings=folders_in(tmp_path))
    same = make_splits(found, recipe=experiment(seed=2).recipe)
    other = make_splits(found, recipe=experiment(data={"split_seed": 5}).recipe)
    assert same.fingerprint == splits.fingerprint != other.fingerprint
