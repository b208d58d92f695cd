"""`training.figures.weights`: weights are drawn as they are, each filter on its own scale, classes on one."""

from __future__ import annotations

import numpy as np
import pytest

from training.figures.weights import class_weights_figure, filters_figure


def test_each_filter_has_full_colour_at_its_own_largest_weight() -> None:
    """A faint filter is as plain to see as a strong one; the title tells them apart."""
    weights = np.array([[[[4.0, -2.0]]], [[[-0.02, 0.01]]], [[[0.0, 0.0]]]])
    figure = filters_figure(weights, layer="conv")
    strong, faint, dead = (np.asarray(image.get_array()) for image in figure.axes[0].images)
    assert strong.ravel().tolist() == [1.0, -0.5]
    assert faint.ravel().tolist() == [-1.0, 0.5]
    assert dead.ravel().tolist() == [0.0, 0.0]
    words = [text.get_text() for text in figure.axes[0].texts]
    assert {"0   ±4", "1   ±0.02", "2   ±0"} < set(words)


def test_classes_share_one_scale() -> None:
    """So that it can be seen which class leans on its pixels most."""
    weights = np.array([[[[4.0, -2.0]]], [[[1.0, 0.0]]]])
    figure = class_weights_figure(weights, ["cat", "dog"])
    assert [image.get_clim() for image in figure.axes[0].images] == [(-4.0, 4.0), (-4.0, 4.0)]
    assert {"cat", "dog"} < {text.get_text() for text in figure.axes[0].texts}


@pytest.mark.parametrize(("filters", "words"), [(64, "64 filters"), (65, "64 of 65 filters")])
def test_many_filters_are_cut_and_counted(filters: int, words: str) -> None:
    """What is left out is said."""
    figure = filters_figure(np.ones((filters, 3, 3, 3)), layer="conv")
    assert len(figure.axes[0].images) == 64
    assert any(words in text.get_text() for text in figure.axes[0].texts)
