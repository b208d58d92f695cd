"""`training.figures.confusion`: every count stands where it belongs."""

from __future__ import annotations

import numpy as np
import pytest

from training.figures.canvas import as_png
from training.figures.confusion import confusion_figure


def test_confusion_matrix_writes_every_count_and_counts_the_mistakes() -> None:
    """Rows are true classes; empty cells stay empty."""
    figure = confusion_figure(np.array([[5, 0], [2, 3]]), ["cat", "dog"])
    axes = figure.axes[0]
    written = {(int(text.get_position()[1]), int(text.get_position()[0])): text.get_text() for text in axes.texts}
    assert written == {(0, 0): "5", (1, 0): "2", (1, 1): "3"}
    assert axes.get_title() == "2 of 10 pictures are taken for another class"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog"]


@pytest.mark.parametrize("classes", [25, 100])
def test_confusion_of_many_classes_has_no_numbers(classes: int) -> None:
    """A hundred classes have no room for names either; the picture is drawn all the same."""
    figure = confusion_figure(np.eye(classes, dtype=np.int64), [f"class {number}" for number in range(classes)])
    assert not figure.axes[0].texts
    assert as_png(figure).startswith(b"\x89PNG")
