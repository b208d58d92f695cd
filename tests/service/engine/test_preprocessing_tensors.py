"""Pixels become the values, the type and the order of axes that the network was trained with."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from tests.picture_files import encoded, input_of, noise, tensor_of

WIDTH, HEIGHT = 5, 3
PIXELS_HWC = noise(WIDTH, HEIGHT)
GREY_HW = noise(WIDTH, HEIGHT, channels=1)


def test_nchw_puts_channels_before_rows() -> None:
    """Element [c, y, x] is channel c of the pixel in row y and column x."""
    tensor = tensor_of(encoded(PIXELS_HWC), input_of(width=WIDTH, height=HEIGHT, layout="NCHW"))
    assert tensor.shape == (3, HEIGHT, WIDTH)
    assert [tensor[c, 2, 4] for c in range(3)] == PIXELS_HWC[2, 4].tolist()


def test_nhwc_puts_channels_last() -> None:
    """Element [y, x, c] is channel c of the pixel in row y and column x."""
    tensor = tensor_of(encoded(PIXELS_HWC), input_of(width=WIDTH, height=HEIGHT, layout="NHWC"))
    assert tensor.shape == (HEIGHT, WIDTH, 3)
    assert tensor[1, 3].tolist() == PIXELS_HWC[1, 3].tolist()


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_nhw_has_no_channel_axis(dtype: str) -> None:
    """Grey networks without a channel axis get rows of columns."""
    spec = input_of(width=WIDTH, height=HEIGHT, layout="NHW", color_mode="L", dtype=dtype)
    np.testing.assert_array_equal(tensor_of(encoded(GREY_HW), spec), GREY_HW)


@pytest.mark.parametrize(("layout", "shape"), [("NCHW", (1, HEIGHT, WIDTH)), ("NHWC", (HEIGHT, WIDTH, 1))])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_one_channel_keeps_its_axis_where_the_layout_has_one(layout: str, shape: tuple[int, ...], dtype: str) -> None:
    """Grey in NCHW or NHWC has an axis of length one."""
    spec = input_of(width=WIDTH, height=HEIGHT, layout=layout, color_mode="L", dtype=dtype)
    np.testing.assert_array_equal(tensor_of(encoded(GREY_HW), spec), GREY_HW.reshape(shape))


@pytest.mark.parametrize(
    ("layout", "color_mode"),
    [*itertools.product(["NCHW", "NHWC"], ["RGB", "BGR", "L"]), ("NHW", "L")],
)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_tensor_is_one_block_of_its_own_memory(layout: str, dtype: str, color_mode: str) -> None:
    """The runtime takes C-contiguous memory of the declared type without a copy, and nobody else writes to it."""
    spec = input_of(width=WIDTH, height=HEIGHT, layout=layout, dtype=dtype, color_mode=color_mode)
    tensor = tensor_of(encoded(PIXELS_HWC), spec)
    assert tensor.dtype == np.dtype(dtype)
    assert tensor.flags.c_contiguous
    assert tensor.flags.writeable


def test_pixels_are_scaled_then_centred_then_divided_channel_by_channel() -> None:
    """Each value is (pixel * scale - mean) / std with the numbers of its own channel."""
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    spec = input_of(width=WIDTH, height=HEIGHT, layout="NCHW", dtype="float32", scale=1 / 255, mean=mean, std=std)
    tensor = tensor_of(encoded(PIXELS_HWC), spec)
    expected = (PIXELS_HWC.astype(np.float64) / 255 - np.array(mean)) / np.array(std)
    np.testing.assert_allclose(tensor, expected.transpose(2, 0, 1), rtol=0, atol=1e-6)


def test_mean_and_std_of_bgr_networks_are_in_the_order_of_their_channels() -> None:
    """The first mean belongs to blue where blue comes first."""
    mean = (103.939, 116.779, 123.68)  # of the Caffe networks, blue first
    spec = input_of(width=WIDTH, height=HEIGHT, dtype="float32", color_mode="BGR", mean=mean)
    expected = PIXELS_HWC[:, :, ::-1].astype(np.float64) - np.array(mean)
    np.testing.assert_allclose(tensor_of(encoded(PIXELS_HWC), spec), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_half_precision_is_what_single_precision_rounds_to(layout: str) -> None:
    """Rounded once, at the end: the same as converting the finished tensor."""
    options: Any = {"scale": 1 / 255, "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
    half, single = (
        tensor_of(encoded(PIXELS_HWC), input_of(width=WIDTH, height=HEIGHT, layout=layout, dtype=dtype, **options))
        for dtype in ("float16", "float32")
    )
    assert half.dtype == np.float16
    np.testing.assert_array_equal(half, single.astype(np.float16))


def test_float_input_without_scale_holds_the_pixels_themselves() -> None:
    """A network trained on 0..255 gets 0..255, exactly."""
    spec = input_of(width=WIDTH, height=HEIGHT, dtype="float32")
    np.testing.assert_array_equal(tensor_of(encoded(PIXELS_HWC), spec), PIXELS_HWC.astype(np.float32))


def test_black_and_white_reach_exactly_zero_and_one() -> None:
    """With scale 1/255 the ends of the range are the ends of the range."""
    pixels = np.array([[0, 255]], dtype=np.uint8)
    spec = input_of(width=2, height=1, layout="NHW", dtype="float32", color_mode="L", scale=1 / 255)
    np.testing.assert_array_equal(tensor_of(encoded(pixels), spec), np.array([[0.0, 1.0]], dtype=np.float32))


@pytest.mark.parametrize("rule", ["exact", "letterbox", "shorter_side"])
@pytest.mark.parametrize("interpolation", ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"])
@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("color_mode", ["RGB", "BGR"])
def test_a_grey_picture_gives_what_the_same_picture_in_three_equal_colours_gives(
    rule: str, interpolation: str, antialias: bool, color_mode: str
) -> None:
    """Grey is resampled as one plane and not as three, to the same bits; a letterbox keeps its colour around it."""
    spec = input_of(
        width=17,
        height=11,
        rule=rule,
        size=19 if rule == "shorter_side" else None,
        interpolation=interpolation,
        antialias=antialias,
        color_mode=color_mode,
        background=(200, 10, 90),
    )
    grey_HW = noise(61, 43, channels=1)
    in_colors = tensor_of(encoded(np.stack([grey_HW] * 3, axis=-1)), spec)
    np.testing.assert_array_equal(tensor_of(encoded(grey_HW), spec), in_colors)
