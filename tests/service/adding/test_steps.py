"""Flags come before the preset, the preset before the defaults; each default is named with its flag."""

from __future__ import annotations

from typing import Any

import pytest

from service.adding.form import Form
from service.adding.presets import PRESETS
from service.adding.steps import Chosen, preset_of
from service.adding.told import Notes, Told
from service.artifact import Input, Preprocessing


def form(*, size: tuple[int, int] = (224, 224), channels: int = 3, dtype: str = "float32") -> Form:
    """Describe an input as the file declares it."""
    checked: dict[str, Any] = {"dtype": dtype, "channels": channels}
    return Form(tensor="image", layout="NCHW", size=size, batch=None, is_size_assumed=False, **checked)


def chosen(shape: Form | None = None, **flags: Any) -> tuple[Input, list[str]]:
    """Choose, and list the flags of what was assumed."""
    told, notes = Told(name="m", **flags), Notes()
    spec = Chosen(told, preset_of(told), shape or form(), notes).input(batch=None)
    return spec, [each.flag for each in notes.assumed]


def steps(shape: Form | None = None, **flags: Any) -> Preprocessing:
    """Choose the preprocessing alone."""
    return chosen(shape, **flags)[0].preprocessing


def test_without_a_word_the_stated_defaults_are_taken() -> None:
    """Pixel values to 0..1, no mean and std, shorter side and centre crop, in red, green, blue."""
    spec, flags = chosen()
    found = spec.preprocessing
    assert (found.scale, found.mean, found.std) == (1 / 255, (0, 0, 0), (1, 1, 1))
    assert (found.resize.rule, found.resize.size, found.crop) == ("shorter_side", 224, "center")
    assert (found.color_mode, found.resize.interpolation, found.resize.antialias) == ("RGB", "bilinear", True)
    assert flags == [
        "--colour RGB|BGR",
        "--scale",
        "--mean, --std, or --preset",
        "--resize",
        "--interpolation",
    ]


def test_bytes_are_taken_as_they_are() -> None:
    """A network of uint8 has no scale, mean or std to assume."""
    spec, flags = chosen(form(dtype="uint8"), preset="torchvision")
    assert (spec.preprocessing.scale, spec.preprocessing.mean) == (1.0, (0, 0, 0))
    assert spec.preprocessing.resize.size == 256
    assert flags == []


@pytest.mark.parametrize(
    ("preset", "size", "shorter"),
    [
        ("torchvision", 224, 256),
        ("torchvision", 299, 342),
        ("torchvision-v2", 224, 232),
        ("timm", 224, 256),
        ("timm", 288, 329),
        ("timm-inception", 299, 341),
        ("timm-vit", 224, 248),
        ("timm-vit", 384, 426),
    ],
)
def test_the_shorter_side_follows_the_size_of_the_network_as_in_the_library(
    preset: str, size: int, shorter: int
) -> None:
    """Torchvision publishes 342 for its Inception v3; timm rounds 288 / 0.875 down."""
    assert steps(form(size=(size, size)), preset=preset).resize.size == shorter


def test_presets_of_torchvision_and_timm_normalise_as_these_do() -> None:
    """Mean and std of ImageNet after scaling; timm resamples with bicubic."""
    for name, interpolation in (("torchvision", "bilinear"), ("timm", "bicubic")):
        found = steps(preset=name)
        assert (found.scale, found.mean, found.std) == (1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
        assert (found.resize.interpolation, found.resize.antialias) == (interpolation, True)


@pytest.mark.parametrize(
    ("preset", "black", "white", "colour"),
    [
        ("keras-tf", (-1, -1, -1), (1, 1, 1), "RGB"),
        ("keras-inside", (0, 0, 0), (255, 255, 255), "RGB"),
        ("keras-caffe", (-103.939, -116.779, -123.68), (151.061, 138.221, 131.32), "BGR"),
        ("keras-torch", (-2.1179, -2.0357, -1.8044), (2.2489, 2.4286, 2.64), "RGB"),
    ],
)
def test_presets_of_keras_map_black_and_white_as_its_modes_do(
    preset: str, black: tuple[float, ...], white: tuple[float, ...], colour: str
) -> None:
    """Worked out by hand from the modes tf, caffe and torch; pictures are stretched."""
    found = steps(preset=preset)
    for pixel, expected in ((0, black), (255, white)):
        values = [(pixel * found.scale - mean) / std for mean, std in zip(found.mean, found.std, strict=True)]
        assert values == pytest.approx(expected, abs=1e-3)
    assert (found.color_mode, found.resize.rule, found.crop) == (colour, "exact", "none")


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("channels", [1, 3])
def test_every_preset_leaves_nothing_to_assume(preset: str, channels: int) -> None:
    """Also for grey networks, which get the average of its values."""
    spec, flags = chosen(form(channels=channels), preset=preset)
    assert flags == []
    assert len(spec.preprocessing.mean) == channels


def test_a_flag_wins_over_the_preset_and_leaves_the_rest() -> None:
    """One thing at a time."""
    found = steps(preset="torchvision", mean=(0.5,), interpolation="bicubic", shorter_side=235)
    assert (found.mean, found.std) == ((0.5, 0.5, 0.5), (0.229, 0.224, 0.225))
    assert (found.resize.interpolation, found.resize.size) == ("bicubic", 235)
    assert steps(preset="torchvision", resize="exact").resize.rule == "exact"
    assert steps(preset="torchvision", antialias=False).resize.antialias is False


def test_another_order_of_colours_turns_the_values_of_a_preset_too() -> None:
    """Blue's mean stays blue's."""
    assert steps(preset="keras-caffe", colour="RGB").mean == (123.68, 116.779, 103.939)
    assert steps(preset="torchvision", colour="BGR").mean == (0.406, 0.456, 0.485)


def test_mean_and_std_of_pixel_values_are_not_scaled() -> None:
    """123.7 is no mean of values in 0..1; that pixels stay as they are is said."""
    spec, flags = chosen(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375))
    assert spec.preprocessing.scale == 1.0
    assert "--scale" in flags
    assert steps(mean=(123.675,), scale=1 / 255).scale == 1 / 255


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"resize": "letterbox"}, ("letterbox", None, "none")),
        ({"crop": "none"}, ("exact", None, "none")),
        ({"shorter_side": 256}, ("shorter_side", 256, "center")),
        ({"crop": "center", "crop_share": 0.9}, ("shorter_side", 248, "center")),
        ({"crop": "center"}, ("shorter_side", 224, "center")),
        ({"resize": "shorter_side"}, ("shorter_side", 224, "center")),
    ],
)
def test_resize_and_crop_say_one_rule_together(flags: dict[str, Any], expected: tuple[object, ...]) -> None:
    """Either of them is enough."""
    found = steps(**flags)
    assert (found.resize.rule, found.resize.size, found.crop) == expected


def test_an_oblong_input_is_covered_by_its_longer_side() -> None:
    """The crop must fit into what was resized."""
    assert steps(form(size=(160, 224))).resize.size == 224
