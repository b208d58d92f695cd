"""`training.figures.robustness`: one diagram per kind of change."""

from __future__ import annotations

import pytest

from training.figures.canvas import as_png
from training.figures.robustness import Series, robustness_figure


@pytest.mark.parametrize("kinds", [1, 6, 7])
def test_robustness_draws_one_diagram_per_kind(kinds: int) -> None:
    """However many there are; left-over places stay empty."""
    series = [Series(f"kind {k}", ["a little", "a lot"], [0.1, 0.4], [(0.05, 0.2), (0.3, 0.5)]) for k in range(kinds)]
    figure = robustness_figure(series, clean_error=0.1, clean_interval=(0.05, 0.2), pictures=100)
    assert sum(bool(axes.get_title()) for axes in figure.axes) == kinds
    assert as_png(figure).startswith(b"\x89PNG")
