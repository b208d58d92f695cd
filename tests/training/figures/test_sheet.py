"""`training.figures.sheet`: tiles stand where they should, weights have one scale, small print fits."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from training.figures.canvas import GREEN, RED, WEIGHTS
from training.figures.sheet import Group, Tile, draw_sheet, full_weight, weight_group, weight_tiles, wrapped


def test_weights_are_green_where_positive_red_where_negative_white_at_zero() -> None:
    """On one scale for all tiles of a group, symmetric around zero."""
    tiles = weight_tiles(np.array([[[[0.5, -2.0]]], [[[0.0, 1.0]]]]), ["a", "b"])
    group = weight_group(tiles)
    assert group.limits == (-2.0, 2.0)
    assert WEIGHTS(1.0)[:3] == pytest.approx(to_rgb(GREEN))
    assert WEIGHTS(0.0)[:3] == pytest.approx(to_rgb(RED))
    assert min(WEIGHTS(0.5)[:3]) > 0.98


def test_one_huge_weight_does_not_bleach_the_others() -> None:
    """Full colour is reached by one weight in a hundred; all zeros still have a scale."""
    weights = np.concatenate([np.full(999, 0.1), [50.0]])
    assert full_weight(weights) == pytest.approx(0.1)
    assert full_weight(np.zeros(4)) == 1.0


def test_planes_of_a_filter_stand_side_by_side_with_a_gap() -> None:
    """Three channels of 2x2 are 2 rows and 3 * 2 columns with a column of no number between."""
    (tile,) = weight_tiles(np.arange(12.0).reshape(1, 3, 2, 2), ["filter"])
    assert tile.pixels.shape == (2, 8)
    assert np.isnan(tile.pixels[:, [2, 5]]).all()
    assert tile.pixels[0, [0, 1, 3, 4, 6, 7]].tolist() == [0, 1, 4, 5, 8, 9]


def test_tiles_stand_row_by_row_and_overlap_nowhere() -> None:
    """Five tiles in three columns are two rows; no two pictures share a place."""
    tiles = [Tile(pixels=np.zeros((2, 2)), title=str(number)) for number in range(5)]
    figure = draw_sheet([Group(tiles=tiles, columns=3)], title="tiles")
    boxes = [image.get_extent() for image in figure.axes[0].images]
    assert len(boxes) == 5
    lefts, tops = [box[0] for box in boxes], [box[3] for box in boxes]
    assert lefts[3] == lefts[0]
    assert tops[3] > tops[0]
    assert boxes[0][1] < boxes[1][0]
    assert boxes[0][2] < boxes[3][3]


def test_small_print_is_broken_between_words() -> None:
    """No word is lost, and no line is longer than there is room."""
    text = " ".join(["word"] * 40)
    lines = wrapped(text, width_in=2)
    assert len(lines) > 1
    assert " ".join(lines) == text
    assert max(map(len, lines)) <= 33
