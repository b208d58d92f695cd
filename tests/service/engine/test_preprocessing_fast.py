"""A photograph that is scaled down while it is decoded gives nearly the tensor of the whole one.

No difference is above 4 of 255, as a manifest promises. Their mean may be twice what it promises of photographs,
because these pictures have as much detail at the size of the result as there can be; real photographs are held to the
promise in `test_preprocessing_photographs`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from service.artifact import Input
from service.engine.preprocessing import decode, reduction_for, to_tensor
from tests.picture_files import PIXEL_LIMIT, encoded, input_of, noise

MEAN_BOUND, LARGEST_BOUND = 0.5, 4  # of 255
ORIENTATION_TAG: Final = 0x0112


def photograph(width: int, height: int, *, details: int, mode: str = "RGB") -> Image.Image:
    """Make a picture of so many light and dark spots along its longer side, smooth from pixel to pixel."""
    spot = max(width, height) / details
    spots = noise(max(2, round(width / spot)), max(2, round(height / spot))) // 2 + 64
    return Image.fromarray(spots).resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def exif_of(orientation: int) -> Image.Exif:
    """Make an EXIF block that asks for an orientation."""
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    return exif


def fast_and_exact(data: bytes, spec: Input) -> tuple[int, NDArray[Any], NDArray[Any]]:
    """Take both ways: how far it was scaled down, and both tensors."""
    fast = decode(data, max_pixels=PIXEL_LIMIT, reduction=reduction_for(spec))
    exact = decode(data, max_pixels=PIXEL_LIMIT)
    assert (fast.width, fast.height, exact.reduction) == (exact.width, exact.height, 1)
    return fast.reduction, to_tensor(fast, spec).astype(float), to_tensor(exact, spec).astype(float)


def require_alike(data: bytes, spec: Input, *, reduction: int | None = None) -> None:
    """Fail where the picture was not scaled down, or where it shows."""
    taken, fast, exact = fast_and_exact(data, spec)
    assert taken > 1
    assert reduction is None or taken == reduction
    difference = np.abs(fast - exact)
    assert difference.max() <= LARGEST_BOUND
    assert difference.mean() <= MEAN_BOUND


@settings(max_examples=30, deadline=None)
@given(
    orientation=st.integers(1, 8),
    size=st.tuples(st.integers(1000, 1400), st.integers(1000, 1400)),
    shrinkage=st.tuples(st.floats(5.9, 16), st.floats(5.9, 16)),
    rule=st.sampled_from(["exact", "letterbox", "shorter_side"]),
)
def test_every_orientation_size_and_rule_shows_the_same_picture(
    orientation: int, size: tuple[int, int], shrinkage: tuple[float, float], rule: str
) -> None:
    """Sides that the block does not divide lie a part of a pixel elsewhere, on the side to which they were turned."""
    width, height = size if orientation < 5 else size[::-1]
    columns, rows = int(width / shrinkage[0]), int(height / shrinkage[1])
    shorter = int(min(size) / min(shrinkage)) if rule == "shorter_side" else None
    spec = input_of(width=min(columns, shorter or columns), height=min(rows, shorter or rows), rule=rule, size=shorter)
    data = encoded(photograph(*size, details=30), "JPEG", quality=92, exif=exif_of(orientation))
    require_alike(data, spec)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_three_pixels_that_the_last_block_lacks_shift_nothing(orientation: int) -> None:
    """1041 and 1021 are one more than blocks of four hold: each side is the last one in some orientation."""
    data = encoded(photograph(1041, 1021, details=36), "JPEG", quality=95, exif=exif_of(orientation))
    require_alike(data, input_of(width=80, height=80), reduction=4)


@pytest.mark.parametrize("interpolation", ["bilinear", "hamming", "bicubic", "lanczos"])
@pytest.mark.parametrize(("size", "reduction"), [((2561, 1711), 2), ((3601, 2701), 4)])
def test_every_smooth_filter_shows_the_same_picture(interpolation: str, size: tuple[int, int], reduction: int) -> None:
    """Scaled to a half and to a quarter."""
    spec = input_of(width=200, height=200, rule="shorter_side", size=224, interpolation=interpolation)
    require_alike(encoded(photograph(*size, details=90), "JPEG", quality=90), spec, reduction=reduction)


@pytest.mark.parametrize("kind", ["grey", "progressive", "phone"])
@pytest.mark.parametrize("color_mode", ["RGB", "BGR", "L"])
def test_every_kind_of_jpeg_shows_the_same_picture(kind: str, color_mode: str) -> None:
    """Grey files, progressive ones and those with a second picture, for networks of colours and of grey."""
    image = photograph(1203, 1001, details=40, mode="L" if kind == "grey" else "RGB")
    options: dict[str, Any] = {"progressive": kind == "progressive", "quality": 92}
    if kind == "phone":
        options = {"save_all": True, "append_images": [photograph(100, 100, details=5)], "quality": 92}
    data = encoded(image, "MPO" if kind == "phone" else "JPEG", **options)
    spec = input_of(width=90, height=60, color_mode=color_mode, rule="letterbox", background=(200, 10, 90))
    require_alike(data, spec, reduction=4)


@pytest.mark.parametrize(
    ("size", "target"),
    [
        pytest.param((1500, 1100), (1, 1), id="one pixel"),
        pytest.param((1101, 1502), (3, 2), id="six pixels"),
        pytest.param((65_500, 24), (64, 2), id="the widest line"),
        pytest.param((24, 65_500), (2, 64), id="the highest line"),
    ],
)
@pytest.mark.parametrize("rule", ["exact", "letterbox", "shorter_side"])
def test_tiny_results_and_extreme_shapes_show_the_same_picture(
    size: tuple[int, int], target: tuple[int, int], rule: str
) -> None:
    """Down to one pixel, and from the longest files; of these only the middle is resampled. Too few for a mean."""
    shorter = max(target) if rule == "shorter_side" else None
    if rule == "shorter_side" and max(size) > 10_000:
        target, shorter = (2, 2), 2
    spec = input_of(width=target[0], height=target[1], rule=rule, size=shorter)
    taken, fast, exact = fast_and_exact(encoded(photograph(*size, details=12), "JPEG", quality=95), spec)
    assert taken == 4
    assert np.abs(fast - exact).max() <= LARGEST_BOUND


@pytest.mark.parametrize(
    "changes", [{"antialias": False}, {"interpolation": "nearest"}, {"interpolation": "box"}], ids=str
)
def test_a_resampling_that_reads_single_pixels_gets_every_pixel(changes: dict[str, Any]) -> None:
    """Fast decoding would change these results a lot, so it is not done."""
    spec = input_of(width=32, height=32, **changes)
    assert reduction_for(spec) is None
    taken, fast, exact = fast_and_exact(encoded(photograph(1200, 1000, details=200), "JPEG"), spec)
    assert taken == 1
    np.testing.assert_array_equal(fast, exact)


@pytest.mark.parametrize(
    ("kind", "rows", "width"),
    [
        pytest.param({"file_format": "PNG", "compress_level": 1}, 1000, 32, id="PNG"),
        pytest.param({"mode": "CMYK"}, 1000, 32, id="CMYK"),
        pytest.param({}, 833, 32, id="less than a megapixel"),
        pytest.param({}, 1000, 173, id="less than 5.8 times the result"),
    ],
)
def test_what_gains_little_or_would_change_is_exact_to_the_bit(kind: dict[str, Any], rows: int, width: int) -> None:
    """Asking for fast decoding of such a picture changes nothing."""
    options = {"file_format": "JPEG", "mode": "RGB", **kind}
    data = encoded(photograph(1200, rows, details=200, mode=options.pop("mode")), **options)
    taken, fast, exact = fast_and_exact(data, input_of(width=width, height=width))
    assert taken == 1
    np.testing.assert_array_equal(fast, exact)


def test_the_orientation_decides_how_far_a_picture_may_be_scaled_down() -> None:
    """A high picture that is stored lying on its side has the height of its columns."""
    spec = input_of(width=50, height=200)
    stored = photograph(2400, 600, details=30)
    taken, fast, exact = fast_and_exact(encoded(stored, "JPEG", exif=exif_of(6)), spec)
    assert taken == 4
    assert np.abs(fast - exact).max() <= LARGEST_BOUND
    as_stored = replace(spec, preprocessing=replace(spec.preprocessing, exif_orientation=False))
    assert fast_and_exact(encoded(stored, "JPEG", exif=exif_of(6)), as_stored)[0] == 1
