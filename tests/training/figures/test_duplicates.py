"""`training.figures.duplicates`: units with like weights are found, and only these."""

from __future__ import annotations

import numpy as np
import pytest

from training.figures.canvas import as_png
from training.figures.duplicates import Layer, closest_pairs, duplicates_figure, find_twins, nearest_twins


def _layer() -> Layer:
    """Unit 1 is unit 0 twice as long, unit 3 the opposite of unit 2, unit 4 has no weights, unit 5 stands alone."""
    weights = np.array(
        [[1, 0, 0, 0], [2, 0, 0, 0], [0, 1, 1, 0], [0, -3, -3, 0], [0, 0, 0, 0], [0, 0, 0, 1]], dtype=np.float32
    )
    return Layer("hidden", weights)


def test_scaled_copies_and_opposites_are_twins() -> None:
    """The length does not matter, the sign is told, and numbers are those of the layer."""
    found = {(pair.first, pair.second): round(pair.cosine, 6) for pair in find_twins(_layer())}
    assert found == {(0, 1): 1.0, (2, 3): -1.0}


def test_units_without_weights_are_nobodys_twin() -> None:
    """A dead unit has no direction to compare; the unit after it keeps its number."""
    pairs = find_twins(_layer(), threshold=0.0)
    assert all(4 not in (pair.first, pair.second) for pair in pairs)
    assert any(pair.second == 5 for pair in pairs)


def test_nearest_twin_is_the_largest_cosine_with_another_unit() -> None:
    """Worked out by hand for three vectors in the plane."""
    weights = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    assert nearest_twins(weights) == pytest.approx([np.sqrt(0.5)] * 3)


def test_closest_pairs_agree_with_a_full_search() -> None:
    """The shortcut through the threshold loses none and adds none."""
    layer = Layer("hidden", np.random.default_rng(0).standard_normal((20, 7)))
    assert closest_pairs(layer, count=5) == find_twins(layer, threshold=0.0)[:5]
    assert closest_pairs(Layer("one", np.ones((1, 3))), count=5) == []


def test_figure_says_how_many_pairs_there_are() -> None:
    """The title of each layer counts, and the closest are named below."""
    figure = duplicates_figure([_layer()])
    assert "2 pairs of at least 0.9" in figure.axes[0].get_title()
    assert "hidden 0 and 1 (+1.00)" in figure.get_supxlabel()
    assert as_png(figure).startswith(b"\x89PNG")


def test_of_many_layers_those_with_the_closest_twins_are_drawn() -> None:
    """Ten layers do not fit; the one without twins gives way, and the title says so."""
    apart = Layer("apart", np.eye(3))
    alike = [Layer(f"alike{number}", np.ones((2, 3))) for number in range(9)]
    figure = duplicates_figure([*alike[:4], apart, *alike[4:]])
    titles = " ".join(axes.get_title() for axes in figure.axes)
    assert "alike8" in titles
    assert "apart" not in titles
    assert "9 of 10 layers" in figure.get_suptitle()
