"""`training.data.twins`: identical pictures, across splits or of several classes, are counted and named."""

from __future__ import annotations

from training.data.twins import Keyed, Twins, find_twins


def _keyed(name: str, keys: str, labels: list[int] | None = None) -> Keyed:
    """Make a split of which each letter is a picture; equal letters are equal pictures."""
    return Keyed([key.encode() for key in keys], labels or [0] * len(keys), lambda position: f"{name}{position}")


def test_identical_pictures_across_splits_are_counted_and_named() -> None:
    """A copy in validation of a training picture, and copies in test of either, are found."""
    found = find_twins(_keyed("train", "abb"), _keyed("val", "bc"), _keyed("test", "acda"))
    assert found == Twins(
        validation_in_training=1,
        test_in_training=3,
        contradictory=0,
        named=(
            "Identical in training and validation: val0 = train1.",
            "Identical in test and an earlier split: test0 = train0; test1 = val1; test3 = train0.",
        ),
    )


def test_equal_pictures_of_different_classes_are_counted_within_and_across_splits() -> None:
    """Every picture that has a twin of other class counts, however many twins it has."""
    found = find_twins(_keyed("train", "aab", [0, 1, 0]), _keyed("val", "c"), _keyed("test", "ab", [0, 0]))
    assert found.contradictory == 3
    assert find_twins(_keyed("train", "aaa", [0, 1, 2]), _keyed("val", ""), _keyed("test", "")).contradictory == 3
    assert found.named[-1] == "Identical, of different classes: train0 = train1; train1 = train0; test0 = train1."


def test_only_the_first_few_are_named() -> None:
    """A set that is full of copies does not fill the terminal."""
    (text,) = find_twins(_keyed("train", "abcdef"), _keyed("val", ""), _keyed("test", "abcdef")).named
    assert text.endswith("test2 = train2; and 3 more.")


def test_sets_without_copies_have_nothing_to_name() -> None:
    """Silence where all is well."""
    assert find_twins(_keyed("train", "ab"), _keyed("val", "c"), _keyed("test", "d")) == Twins(0, 0)
