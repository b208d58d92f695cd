"""`training.figures.canvas`: names that people chose do no harm, and figures come out the same each time."""

from __future__ import annotations

import pytest

from training.figures.canvas import as_png, canvas, plain


@pytest.mark.parametrize("name", ["US$ and $x_2", "$", "\\frac{$", "犬", "a\nb", "x" * 200])
def test_any_class_name_can_be_drawn(name: str) -> None:
    """Dollar signs begin no formula, letters without a glyph are no warning, long names are cut."""
    figure = canvas(2, 1)
    figure.subplots().set_title(plain(name))
    assert as_png(figure).startswith(b"\x89PNG")


def test_long_names_are_shortened_visibly() -> None:
    """The ellipsis counts, so the result is as long as allowed."""
    assert plain("abcdefghij", longest=5) == "abcd…"
    assert plain("abcde", longest=5) == "abcde"


def test_equal_figures_give_equal_bytes() -> None:
    """Neither a date nor a version gets into the file."""

    def drawn() -> bytes:
        figure = canvas(2, 1)
        figure.subplots().plot([0, 1], [1, 0])
        return as_png(figure)

    assert drawn() == drawn()
