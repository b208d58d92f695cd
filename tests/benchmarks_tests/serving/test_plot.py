"""`tests.benchmarks.serving.plot`: shares of the limit, drawn."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.benchmarks.serving.figures import LIMIT, OURS, Figures, Key
from tests.benchmarks.serving.plot import draw, shares
from tests.benchmarks.serving.scenarios import scenario


def test_share_is_of_the_limit_of_the_scenario_that_has_one() -> None:
    """Several workers are compared with the limit that was measured for one."""
    figures = Figures()
    for name, server, value in (("r20", LIMIT, 4000.0), ("r20-workers", OURS, 3000.0)):
        figures.add(Key(name, server, "form", "rate_per_s", 8), value)
    assert shares(figures, scenario("r20-workers")) == {OURS: [0.0, pytest.approx(0.75), 0.0]}
    assert shares(figures, scenario("r20")) == {}


def test_picture_is_drawn(tmp_path: Path) -> None:
    """A run gives a PNG that opens."""
    figures = Figures()
    for server, value in ((LIMIT, 50.0), (OURS, 48.0)):
        figures.add(Key("r50", server, "form", "rate_per_s", 8), value)
    draw(figures, tmp_path / "serving.png")
    with Image.open(tmp_path / "serving.png") as image:
        assert min(image.size) > 200


def test_run_without_a_limit_draws_nothing(tmp_path: Path) -> None:
    """There is nothing to compare with."""
    draw(Figures(), tmp_path / "serving.png")
    assert not (tmp_path / "serving.png").exists()
