"""Descriptions of input and output that contradict themselves are refused where they are made, in training too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from service.artifact import Histogram, Input, Preprocessing, Resize
from tests.picture_files import input_of
from tests.service.artifact.complete import complete_manifest


def steps(**changes: Any) -> Preprocessing:
    """Change the preprocessing of the complete manifest."""
    return replace(complete_manifest().input.preprocessing, **changes)


def described(**changes: Any) -> Input:
    """Change the input of the complete manifest."""
    return replace(complete_manifest().input, **changes)


@pytest.mark.parametrize(
    ("rule", "size", "crop", "message"),
    [
        ("shorter_side", None, "center", "resize.size belongs to the rule shorter_side"),
        ("exact", 256, "none", "resize.size belongs to the rule shorter_side"),
        ("letterbox", 256, "none", "resize.size belongs to the rule shorter_side"),
        ("shorter_side", 256, "none", "crop is 'center' after the rule shorter_side"),
        ("exact", None, "center", "'none' after the others"),
        ("letterbox", None, "center", "'none' after the others"),
    ],
)
def test_rule_size_and_crop_belong_together(rule: Any, size: int | None, crop: str, message: str) -> None:
    """A size that nobody would use and a crop that nothing calls for are mistakes."""
    with pytest.raises(ValidationError, match=message):
        steps(resize=Resize(rule, size, "bilinear", antialias=True), crop=crop)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": 1}, r"color_mode RGB does not fill 1 channel\(s\)"),
        ({"preprocessing": steps(color_mode="L")}, r"color_mode L does not fill 3 channel\(s\)"),
        ({"layout": "NHW"}, "layout NHW has room for one channel only"),
        ({"preprocessing": steps(mean=(0.5,))}, r"mean and std need 3 value\(s\) each"),
        ({"preprocessing": steps(std=(0.5, 0.5))}, r"mean and std need 3 value\(s\) each"),
        ({"dtype": "uint8"}, "uint8 input takes pixels as they are"),
        ({"width": 257}, "resize.size 256 is smaller than the crop 224 x 257"),
        ({"height": 300}, "resize.size 256 is smaller than the crop 300 x 224"),
    ],
)
def test_an_input_whose_parts_do_not_fit_is_refused_with_both(changes: dict[str, Any], message: str) -> None:
    """Channels, colours, layout, type and sizes have to agree."""
    with pytest.raises(ValidationError, match=message):
        described(**changes)


@pytest.mark.parametrize("changes", [{"scale": 0.5}, {"mean": (0.0, 0.0, 1.0)}, {"std": (1.0, 2.0, 1.0)}])
def test_bytes_take_neither_scale_nor_mean_nor_std(changes: dict[str, Any]) -> None:
    """A uint8 network does its own arithmetic."""
    with pytest.raises(ValidationError, match="scale 1, mean 0, std 1"):
        input_of(width=8, height=8, dtype="uint8", **changes)


def test_a_crop_as_large_as_the_resized_picture_is_allowed() -> None:
    """The shorter side is cut by nothing, the longer one to a square."""
    assert described(width=256, height=256).width == 256


@pytest.mark.parametrize(
    ("edges", "counts"),
    [((0.0, 1.0), (1, 2)), ((0.0, 0.5, 1.0), (1,)), ((1.0, 0.0), (1,)), ((0.0, 0.0, 1.0), (1, 2))],
)
def test_a_histogram_needs_rising_edges_around_its_bins(edges: tuple[float, ...], counts: tuple[int, ...]) -> None:
    """One edge more than bins, each larger than the one before."""
    with pytest.raises(ValidationError, match="edges must rise and be one more than counts"):
        Histogram(edges, counts)


def test_values_in_memory_are_as_strict_as_those_in_files() -> None:
    """Training cannot make what the service would refuse to read."""
    with pytest.raises(ValidationError):
        described(width="224")
    with pytest.raises(ValidationError):
        replace(complete_manifest(), version=True)
