"""`training.data.preprocessing`: what the manifest will say about the input."""

from __future__ import annotations

from training.data.preprocessing import input_spec
from training.recipe import Picture


def test_spec_says_everything_about_the_input() -> None:
    """Size, colours, statistics and resizing stand in the manifest's own type, with EXIF on and black around."""
    spec = input_spec(Picture(size=28, color_mode="L"), mean=(0.28,), std=(0.35,))
    assert (spec.tensor, spec.layout, spec.dtype) == ("input", "NCHW", "float32")
    assert (spec.channels, spec.height, spec.width) == (1, 28, 28)
    steps = spec.preprocessing
    assert steps.exif_orientation
    assert (steps.color_mode, steps.background, steps.crop) == ("L", (0, 0, 0), "none")
    assert (steps.resize.rule, steps.resize.interpolation, steps.resize.antialias) == ("letterbox", "bilinear", True)
    assert (steps.scale, steps.mean, steps.std) == (1 / 255, (0.28,), (0.35,))


def test_channel_that_never_varies_is_not_divided_by_zero() -> None:
    """Pictures of one value everywhere in a channel can be trained on, if not learned from."""
    assert input_spec(Picture(size=8, color_mode="RGB"), mean=(0, 0, 0.5), std=(0.1, 0, 0.2)).preprocessing.std[1] == 1
