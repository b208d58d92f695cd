"""A picture of any size comes to the size of the network by the rule of the manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pytest
from PIL import Image

from tests.picture_files import Pixels, encoded, input_of, noise, png_file, shown, tensor_of, texture

FILTERS: Final = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def largest_difference(first: Pixels, second: Pixels) -> int:
    """Compare pixel values, 0..255."""
    return int(np.abs(first.astype(int) - second.astype(int)).max())


@dataclass(frozen=True)
class Case:
    """A picture, the rule, and what its arithmetic gives by hand; sizes are (width, height), corners (left, top)."""

    picture: tuple[int, int]
    size: int
    crop: tuple[int, int]
    resized: tuple[int, int]
    corner: tuple[int, int]

    def seen(self, pixels: Pixels, *, interpolation: str) -> Pixels:
        """Take the way of the service."""
        rule: dict[str, Any] = {"rule": "shorter_side", "size": self.size, "interpolation": interpolation}
        return shown(encoded(pixels), width=self.crop[0], height=self.crop[1], **rule)

    def expected(self, pixels: Pixels, *, interpolation: str) -> Pixels:
        """Resize the whole picture and cut the window out of it: the long way."""
        left, top = self.corner
        scaled = Image.fromarray(pixels).resize(self.resized, FILTERS[interpolation])
        return np.asarray(scaled.crop((left, top, left + self.crop[0], top + self.crop[1])))


# torchvision: the long side is int(size * long / short), offsets are round((side - crop) / 2), halves go to the even.
TORCHVISION_CASES: Final = [
    pytest.param(Case((333, 500), 256, (224, 224), (256, 384), (16, 80)), id="500 * 256 / 333 = 384.4"),
    pytest.param(Case((500, 375), 256, (224, 224), (341, 256), (58, 16)), id="left 58.5 goes to 58"),
    pytest.param(Case((375, 500), 257, (224, 224), (257, 342), (16, 59)), id="left 16.5 goes to 16"),
    pytest.param(Case((640, 427), 256, (225, 225), (383, 256), (79, 16)), id="top 15.5 goes to 16"),
    pytest.param(Case((7, 13), 5, (3, 3), (5, 9), (1, 3)), id="enlarged never, both odd"),
    pytest.param(Case((13, 7), 28, (28, 28), (52, 28), (12, 0)), id="enlarged"),
    pytest.param(Case((100, 50), 32, (32, 24), (64, 32), (16, 4)), id="window not square"),
    pytest.param(Case((64, 64), 64, (57, 57), (64, 64), (4, 4)), id="3.5 goes to 4"),
]


@pytest.mark.parametrize("case", TORCHVISION_CASES)
@pytest.mark.parametrize("interpolation", FILTERS)
def test_shorter_side_and_centre_crop_see_the_pixels_that_torchvision_sees(case: Case, interpolation: str) -> None:
    """Resizing the shorter side and cutting the middle gives the window whose place arithmetic tells."""
    pixels = noise(*case.picture)
    expected = case.expected(pixels, interpolation=interpolation)
    np.testing.assert_array_equal(case.seen(pixels, interpolation=interpolation), expected)


STRIPS: Final = [
    pytest.param(Case((5, 600), 8, (7, 7), (8, 960), (0, 476)), id="high, enlarged; left 0.5 goes to 0"),
    pytest.param(Case((600, 5), 8, (5, 7), (960, 8), (478, 0)), id="wide, enlarged; left 477.5 goes to 478"),
    pytest.param(Case((4001, 31), 9, (8, 8), (1161, 9), (576, 0)), id="wide, shrunk; left 576.5 goes to 576"),
    pytest.param(Case((30, 4000), 30, (20, 20), (30, 4000), (5, 1990)), id="high, not scaled"),
]


@pytest.mark.parametrize("case", STRIPS)
@pytest.mark.parametrize("interpolation", FILTERS)
def test_the_middle_of_a_strip_is_what_resizing_it_as_a_whole_gives(case: Case, interpolation: str) -> None:
    """Long pictures see the same window up to one level of 255, although the rest is never scaled."""
    pixels = texture(*case.picture)
    seen, expected = (way(pixels, interpolation=interpolation) for way in (case.seen, case.expected))
    assert largest_difference(seen, expected) <= 1


def test_the_middle_of_a_strip_without_antialiasing_is_what_resizing_it_as_a_whole_gives() -> None:
    """Enlarging a strip four times by linear interpolation and cutting 4 x 4 out of it can be worked out by hand."""
    pixels = np.arange(250, dtype=np.uint8)[np.newaxis]  # 250 x 1: column x has the value x
    rule: dict[str, Any] = {"rule": "shorter_side", "size": 4, "antialias": False, "color_mode": "L"}
    seen = shown(encoded(pixels), width=4, height=4, **rule)
    # columns 498..501 of 1000 have their centres at 124.625, 124.875, 125.125 and 125.375; value x lies at x + 0.5
    expected = np.array([[124.125, 124.375, 124.625, 124.875]]).repeat(4, axis=0)
    assert np.abs(seen - expected).max() <= 1


def test_exact_distorts_the_picture_to_the_size_of_the_network() -> None:
    """The aspect is not kept: the whole picture fills the whole input."""
    pixels = noise(31, 17)
    expected = np.asarray(Image.fromarray(pixels).resize((12, 20), Image.Resampling.BICUBIC))
    seen = shown(encoded(pixels), width=12, height=20, interpolation="bicubic")
    np.testing.assert_array_equal(seen, expected)


def test_halving_with_a_box_filter_averages_four_pixels() -> None:
    """Two by two pixels of 10, 20, 30 and 40 become one of 25."""
    pixels = np.tile(np.array([[10, 20], [30, 40]], dtype=np.uint8), (2, 2))
    seen = shown(encoded(pixels), width=2, height=2, interpolation="box", color_mode="L")
    np.testing.assert_array_equal(seen, np.full((2, 2), 25))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_without_antialiasing_small_details_are_stepped_over(interpolation: str) -> None:
    """Shrinking four times samples around the centres only, as OpenCV does: stripes between them are not seen."""
    pixels = np.full((32, 32), 100, dtype=np.uint8)
    pixels[:, ::16] = 255
    spec: dict[str, Any] = {"width": 4, "height": 4, "color_mode": "L", "interpolation": interpolation}
    np.testing.assert_array_equal(shown(encoded(pixels), antialias=False, **spec), np.full((4, 4), 100))
    assert (shown(encoded(pixels), antialias=True, **spec) != 100).any()


def test_bilinear_without_antialiasing_weighs_the_four_pixels_around_each_centre() -> None:
    """4 x 4 to 2 x 2 reads at (0.5, 0.5): the mean of the four pixels around it."""
    pixels = np.arange(0, 160, 10, dtype=np.uint8).reshape(4, 4)
    seen = shown(encoded(pixels), width=2, height=2, color_mode="L", antialias=False)
    # centres of the result lie at 1.0 and 3.0 in the picture, that is between columns 0|1 and 2|3
    expected = [
        [(0 + 10 + 40 + 50) / 4, (20 + 30 + 60 + 70) / 4],
        [(80 + 90 + 120 + 130) / 4, (100 + 110 + 140 + 150) / 4],
    ]
    assert largest_difference(seen, np.array(expected)) <= 1


def test_without_antialiasing_the_window_lies_where_it_lies_with_it() -> None:
    """The shorter-side rule cuts the same window for both kinds of resampling."""
    pixels = noise(50, 30)
    seen = shown(encoded(pixels), width=20, height=20, rule="shorter_side", size=30, antialias=False)
    np.testing.assert_array_equal(seen, pixels[5:25, 15:35])


def test_a_picture_of_the_right_size_is_not_resampled() -> None:
    """Equal sizes leave every pixel as it is, whatever the filter."""
    pixels = noise(9, 9)
    for rule, size in (("exact", None), ("letterbox", None), ("shorter_side", 9)):
        np.testing.assert_array_equal(
            shown(encoded(pixels), width=9, height=9, rule=rule, size=size, interpolation="lanczos"), pixels
        )


@pytest.mark.parametrize(
    ("picture", "inner"),
    [
        pytest.param((40, 20), (slice(5, 15), slice(0, 20)), id="wide: 10 rows in the middle"),
        pytest.param((20, 40), (slice(0, 20), slice(5, 15)), id="high: 10 columns in the middle"),
        pytest.param((40, 38), (slice(0, 19), slice(0, 20)), id="19 of 20 rows: the odd one below"),
        pytest.param((10, 10), (slice(0, 20), slice(0, 20)), id="enlarged to fill"),
        pytest.param((3000, 1), (slice(9, 10), slice(0, 20)), id="a line keeps one row"),
    ],
)
@pytest.mark.parametrize("color_mode", ["RGB", "L"])
def test_letterbox_shows_the_whole_picture_in_the_middle_of_the_background(
    picture: tuple[int, int], inner: tuple[slice, slice], color_mode: str
) -> None:
    """The picture keeps its aspect, touches two sides, and the rest shows the background."""
    white = np.full((picture[1], picture[0], 3), 255, dtype=np.uint8)
    seen = shown(encoded(white), width=20, height=20, rule="letterbox", background=(90, 90, 90), color_mode=color_mode)
    expected = np.full(seen.shape, 90, dtype=np.uint8)
    expected[inner] = 255
    np.testing.assert_array_equal(seen, expected)


def test_a_picture_of_one_pixel_fills_any_network() -> None:
    """1 x 1 is a picture."""
    data = encoded(np.full((1, 1, 3), 77, dtype=np.uint8))
    for rule, size in (("exact", None), ("letterbox", None), ("shorter_side", 256)):
        seen = shown(data, width=224, height=224, rule=rule, size=size)
        np.testing.assert_array_equal(seen, np.full((224, 224, 3), 77))


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize(("width", "height"), [(1, 65_535), (65_535, 1)])
def test_a_strip_is_not_blown_up_on_its_way_to_the_centre_crop(width: int, height: int, antialias: bool) -> None:
    """A line of 65,535 pixels, scaled as a whole to 8192 in width, would take terabytes."""
    row = b"\0" + b"\xff" * ((width + 7) // 8)
    data = png_file(width, height, bit_depth=1, color_type=0, rows=row * height)
    spec = input_of(width=224, height=224, color_mode="L", rule="shorter_side", size=8192, antialias=antialias)
    np.testing.assert_array_equal(tensor_of(data, spec), np.full((224, 224, 1), 255))
