"""Figures of scores: confusion, reliability, errors by class, robustness, mistakes and curves show their values."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer

from training.figures.canvas import as_png
from training.figures.confusion import confusion_figure
from training.figures.curves import learning_curves_figure
from training.figures.errors_by_class import errors_by_class_figure
from training.figures.mistakes import MistakenPicture, mistakes_figure
from training.figures.reliability import Point, reliability_figure
from training.figures.robustness import Series, robustness_figure
from training.history import EpochRecord


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


def test_reliability_draws_accuracy_against_confidence() -> None:
    """Each bin at its mean confidence, with its interval and its number of pictures."""
    points = [Point(0.4, 0.5, 4, 0.45, 0.5, (0.15, 0.85)), Point(0.9, 1.0, 90, 0.97, 0.95, (0.89, 0.98))]
    figure = reliability_figure(points, calibration_error=0.0212)
    above, below = figure.axes
    (measured,) = [part for part in above.containers if isinstance(part, ErrorbarContainer)]
    assert measured.lines[0].get_xydata().tolist() == [[0.45, 0.5], [0.97, 0.95]]  # type: ignore[union-attr]  # a line
    assert [bar.get_height() for bar in below.patches] == [4, 90]  # type: ignore[attr-defined]  # bars are rectangles
    assert "2.12 %" in above.get_title()


def test_classes_stand_hardest_first() -> None:
    """And of too many classes only the hardest, which the title says."""
    names = [f"class {number}" for number in range(50)]
    errors = [number / 100 for number in range(50)]
    figure = errors_by_class_figure(names, errors=errors, intervals=[(e, e + 0.1) for e in errors], overall=0.2)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert (labels[0], labels[-1], len(labels)) == ("class 49", "class 10", 40)
    assert figure.axes[0].get_title() == "the 40 hardest of 50 classes"


@pytest.mark.parametrize("kinds", [1, 6, 7])
def test_robustness_draws_one_diagram_per_kind(kinds: int) -> None:
    """However many there are; left-over places stay empty."""
    series = [Series(f"kind {k}", ["a little", "a lot"], [0.1, 0.4], [(0.05, 0.2), (0.3, 0.5)]) for k in range(kinds)]
    figure = robustness_figure(series, clean_error=0.1, clean_interval=(0.05, 0.2), pictures=100)
    assert sum(bool(axes.get_title()) for axes in figure.axes) == kinds
    assert as_png(figure).startswith(b"\x89PNG")


def test_mistakes_say_what_is_shown_and_what_was_said() -> None:
    """Pictures of any size and shape stand on one sheet."""
    wide, tall = np.zeros((4, 9, 3), np.uint8), np.zeros((9, 2, 3), np.uint8)
    pictures = [MistakenPicture(wide, "cat", "dog", 0.991), MistakenPicture(tall, "dog", "$bird$", 0.5)]
    figure = mistakes_figure(pictures, wrong=7, n=1000)
    words = [text.get_text() for text in figure.axes[0].texts]
    assert "cat\ntaken for dog\nwith 99.1%" in words
    assert "The 2 surest of 7 mistakes in 1,000 pictures" in words
    assert as_png(figure).startswith(b"\x89PNG")


def test_curves_mark_the_best_epoch() -> None:
    """The one that was exported: lowest validation error."""
    errors = [0.5, 0.2, 0.3]
    records = [
        EpochRecord(
            epoch=epoch,
            learning_rate=0.1,
            training_loss=error,
            training_error=error,
            validation_loss=error,
            validation_error=error,
            seconds=1,
            pictures_per_s=1,
        )
        for epoch, error in enumerate(errors, start=1)
    ]
    figure = learning_curves_figure(records)
    assert "best epoch 2: 20.0 %" in figure.axes[1].get_title()
    assert figure.axes[1].lines[-1].get_xydata().tolist() == [[2.0, 0.2]]  # type: ignore[union-attr]  # a line of one point
    assert as_png(learning_curves_figure(records[:1])).startswith(b"\x89PNG")
