"""`training.figures.edges`: the direction that is drawn is the one that answers most."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps

from training.architectures.kirsch import COMPASS
from training.figures.edges import edges_figure


def test_directions_have_their_hue_where_the_answer_is_strong() -> None:
    """North is red and south cyan; a faint answer and no answer stay black."""
    answers_DHW = np.zeros((8, 1, 4), np.float32)
    answers_DHW[0, 0, 0] = answers_DHW[4, 0, 1] = 10.0
    answers_DHW[4, 0, 2] = 1.0
    figure = edges_figure(
        np.zeros((1, 4, 3), np.uint8),
        filters_DHW=np.ones((8, 3, 3)),
        answers_DHW=answers_DHW,
        directions=COMPASS,
        subject="a picture",
    )
    _, strongest, directions, *_ = (np.asarray(image.get_array()) for image in figure.axes[0].images)
    cyan = [round(255 * part) for part in colormaps["hsv"](0.5)[:3]]
    assert directions[0].tolist() == [[255, 0, 0], cyan, [0, 0, 0], [0, 0, 0]]
    assert strongest[0, :, 0].tolist() == [255, 255, 26, 0]


def test_every_filter_and_every_answer_has_its_direction() -> None:
    """Eight of each, with their names twice, beside the three pictures of the whole."""
    figure = edges_figure(
        np.zeros((4, 4, 3), np.uint8),
        filters_DHW=np.ones((8, 3, 3)),
        answers_DHW=np.zeros((8, 4, 4)),
        directions=COMPASS,
        subject="nothing to see",
    )
    words = [text.get_text() for text in figure.axes[0].texts]
    assert all(words.count(direction) == 2 for direction in COMPASS)
    assert len(figure.axes[0].images) == 3 + 8 + 8
