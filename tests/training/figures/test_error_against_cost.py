"""`training.figures.error_against_cost`: each network stands at its cost and its error."""

from __future__ import annotations

from matplotlib.container import ErrorbarContainer

from training.figures.error_against_cost import CostPoint, error_against_cost_figure


def test_networks_stand_at_their_cost_and_error_with_their_deviation() -> None:
    """On a logarithmic axis, numbered by cost and named in a list; a single seed has no bar."""
    points = [CostPoint("large", 10**9, 0.05, None), CostPoint("small", 10**4, 0.15, 0.01)]
    figure = error_against_cost_figure(points, dataset="shapes", epochs=5)
    (axes,) = figure.axes
    assert axes.get_xscale() == "log"
    small, large = [part for part in axes.containers if isinstance(part, ErrorbarContainer)]
    assert small.lines[0].get_xydata().tolist() == [[10**4, 0.15]]  # type: ignore[union-attr]  # a line
    assert large.lines[0].get_xydata().tolist() == [[10**9, 0.05]]  # type: ignore[union-attr]  # a line
    assert (small.has_yerr, large.has_yerr) == (True, False)
    assert [text.get_text() for text in axes.texts] == ["1", "2"]
    (names,) = figure.legends
    assert [text.get_text() for text in names.get_texts()] == ["1  small", "2  large"]
    assert "5 epochs" in axes.get_title()
