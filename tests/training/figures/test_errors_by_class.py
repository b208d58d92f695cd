"""`training.figures.errors_by_class`: hardest first, and no more than fit."""

from __future__ import annotations

from training.figures.errors_by_class import errors_by_class_figure


def test_classes_stand_hardest_first() -> None:
    """And of too many classes only the hardest, which the title says."""
    names = [f"class {number}" for number in range(50)]
    errors = [number / 100 for number in range(50)]
    figure = errors_by_class_figure(names, errors=errors, intervals=[(e, e + 0.1) for e in errors], overall=0.2)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert (labels[0], labels[-1], len(labels)) == ("class 49", "class 10", 40)
    assert figure.axes[0].get_title() == "the 40 hardest of 50 classes"
