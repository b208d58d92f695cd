"""Decoding within bounds: of scans, of sides, of memory."""

from __future__ import annotations

import io
import threading
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from PIL import Image

from service.artifact import Resize
from service.engine.decoding import decode, decoded
from service.engine.preprocessing import to_tensor
from service.errors import BadImageError
from tests.model_folders import color_input, picture

MILLION = 10**6


def progressive_jpeg(*, extra_scans: int) -> bytes:
    """Make a progressive JPEG and repeat its last scan, which changes nothing but the work."""
    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, "JPEG", progressive=True)
    data = stream.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * extra_scans + data[-2:]


def test_jpeg_with_the_scans_of_a_camera_is_decoded_and_one_with_hundreds_is_not() -> None:
    """Each scan is a pass over all pixels, so their number is bounded before the first."""
    assert decode(progressive_jpeg(extra_scans=0), max_pixels=MILLION).format == "JPEG"
    with pytest.raises(BadImageError, match="more than 100 scans"):
        decode(progressive_jpeg(extra_scans=200), max_pixels=MILLION)


def test_second_large_picture_waits_until_the_first_is_let_go() -> None:
    """However many threads ask, one large picture is in memory at a time; small ones do not wait for it."""
    stream = io.BytesIO()
    Image.new("RGBA", (4000, 3000)).save(stream, "PNG")
    large, order = stream.getvalue(), list[str]()
    entered = threading.Event()

    def second() -> None:
        entered.set()
        with decoded(large, max_pixels=64 * MILLION):
            order.append("second in")

    thread = threading.Thread(target=second)
    with decoded(large, max_pixels=64 * MILLION):
        thread.start()
        entered.wait()
        with decoded(picture("red"), max_pixels=MILLION):
            order.append("small one in")
        thread.join(timeout=0.2)  # time in which it would get in if it could
        order.append("first out")
    thread.join()
    assert order == ["small one in", "first out", "second in"]


@pytest.mark.parametrize("size", [(65_536, 1), (1, 65_536)])
def test_strip_longer_than_any_format_for_photographs_allows_is_refused(size: tuple[int, int]) -> None:
    """Few pixels in very many rows would take memory for the rows alone."""
    with pytest.raises(BadImageError, match="65536 pixels"):
        decode(picture("red", size=size), max_pixels=MILLION)


@pytest.mark.parametrize("interpolation", ["bilinear", "lanczos"])
@pytest.mark.parametrize("size", [(65_535, 1), (1, 65_535)])
def test_longest_strip_keeps_its_colour(interpolation: Literal["bilinear", "lanczos"], size: tuple[int, int]) -> None:
    """The most extreme picture that is read comes out in its own colour, whatever the filter."""
    spec = color_input()
    resize = Resize(rule="exact", size=None, interpolation=interpolation, antialias=True)
    spec = replace(spec, preprocessing=replace(spec.preprocessing, resize=resize))
    tensor_CHW = to_tensor(decode(picture("red", size=size), max_pixels=MILLION), spec)
    np.testing.assert_allclose(tensor_CHW[0], 1.0)
    np.testing.assert_allclose(tensor_CHW[1:], 0.0)
