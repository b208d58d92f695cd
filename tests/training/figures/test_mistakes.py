"""`training.figures.mistakes`: each picture says what it is and what was said."""

from __future__ import annotations

import numpy as np

from training.figures.canvas import as_png
from training.figures.mistakes import MistakenPicture, mistakes_figure


def test_mistakes_say_what_is_shown_and_what_was_said() -> None:
    """Pictures of any size and shape stand on one sheet."""
    wide, tall = np.zeros((4, 9, 3), np.uint8), np.zeros((9, 2, 3), np.uint8)
    pictures = [MistakenPicture(wide, "cat", "dog", 0.991), MistakenPicture(tall, "dog", "$bird$", 0.5)]
    figure = mistakes_figure(pictures, wrong=7, n=1000)
    words = [text.get_text() for text in figure.axes[0].texts]
    assert "cat\ntaken for dog\nwith 99.1%" in words
    assert "The 2 surest of 7 mistakes in 1,000 pictures" in words
    assert as_png(figure).startswith(b"\x89PNG")
