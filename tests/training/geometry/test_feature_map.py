"""Receptive fields grow by the jump per tap and join where ways meet."""

from __future__ import annotations

import pytest

from training.geometry.feature_map import FeatureMap, Field


def test_field_of_alexnets_first_layers_is_the_textbooks() -> None:
    """11, then 11 + 2 * 4 after the pool, then 19 + 4 * 8 after the 5x5."""
    field = Field().through_window(11, stride=4)
    sizes = [field.size]
    for kernel, stride in ((3, 2), (5, 1)):
        field = field.through_window(kernel, stride=stride)
        sizes.append(field.size)
    assert sizes == [11, 19, 51]
    assert field.jump == 8


def test_padding_moves_the_field_out_of_the_picture() -> None:
    """The first window of a padded 3x3 starts at pixel -1."""
    field = Field().through_window(3, before=1)
    assert (field.first, field.last) == (-1, 1)


def test_dilation_spreads_the_taps() -> None:
    """Three taps two pixels apart see five."""
    assert Field().through_window(3, dilation=2).size == 5


def test_joined_fields_hold_both() -> None:
    """One reaches to the left, the other to the right."""
    joined = Field(first=-4, last=1).joined(Field(first=-1, last=2))
    assert (joined.first, joined.last, joined.size) == (-4, 2, 7)


def test_flattened_map_has_no_height() -> None:
    """It says how many numbers there are instead."""
    assert FeatureMap(shape=(3, 4, 5)).maps == (3, 4, 5)
    with pytest.raises(ValueError, match="60 flattened"):
        _ = FeatureMap(shape=(60,)).maps
