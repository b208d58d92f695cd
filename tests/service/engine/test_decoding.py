"""Decoding within bounds: of scans, of sides, of memory."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image

from service.artifact import Resize
from service.engine.decoding import decode, decoded
from service.engine.preprocessing import to_tensor
from service.errors import BadImageError
from tests.model_folders import color_input, picture
from tests.picture_files import encoded, png_file

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


@pytest.fixture(scope="module")
def large() -> bytes:
    """Make a picture whose decoding takes 192 MB: twelve megapixels with alpha."""
    return encoded(Image.new("RGBA", (4000, 3000)))


@pytest.mark.parametrize(
    ("kind", "waits"),
    [
        ({"width": 4000, "height": 3000, "color_type": 6}, True),
        ({"width": 4000, "height": 3000, "color_type": 2}, False),
        ({"width": 4000, "height": 3000, "color_type": 2, "tRNS": bytes(6)}, True),
        ({"width": 4000, "height": 3000, "color_type": 3, "PLTE": bytes(6)}, True),
        ({"width": 7000, "height": 6500, "color_type": 2}, True),
        ({"width": 100, "height": 100, "color_type": 6}, False),
    ],
    ids=["12 MP alpha", "12 MP", "12 MP transparent", "12 MP palette", "45 MP", "small"],
)
def test_large_pictures_are_decoded_one_at_a_time_and_small_ones_wait_for_none(
    large: bytes, kind: dict[str, Any], waits: bool
) -> None:
    """While one large picture is held, another thread's waits; it goes on when the first is let go.

    The second file has no pixels: a thread that does not wait ends at once, because nothing is there to decode.
    """
    header_only = png_file(bit_depth=8, rows=b"", **kind)

    def decode_second() -> None:
        with pytest.raises(BadImageError), decoded(header_only, max_pixels=64 * MILLION):
            pass

    second = threading.Thread(target=decode_second)
    with decoded(large, max_pixels=64 * MILLION) as picture:
        second.start()
        second.join(timeout=0.2 if waits else 30)
        assert second.is_alive() == waits
        assert picture.image.size == (4000, 3000)
    second.join()


def test_a_large_picture_that_fails_lets_the_next_one_in(large: bytes) -> None:
    """The place is free again after an error, while decoding and while using the picture."""
    with pytest.raises(BadImageError), decoded(large[:5000], max_pixels=64 * MILLION):
        pass
    with pytest.raises(ZeroDivisionError), decoded(large, max_pixels=64 * MILLION):
        raise ZeroDivisionError
    with decoded(large, max_pixels=64 * MILLION) as picture:
        assert picture.format == "PNG"


def test_odd_metadata_that_pillow_warns_of_is_no_warning_of_the_service() -> None:
    """Even where Python is told to turn warnings into errors: an animation of no frames is a picture all the same."""
    data = png_file(1, 1, bit_depth=8, color_type=2, rows=b"\0\1\2\3", acTL=bytes(8))
    program = (
        "import sys; from service.engine.decoding import decode; "
        "print(decode(bytes.fromhex(sys.argv[1]), max_pixels=10).image.getpixel((0, 0)))"
    )
    command = [sys.executable, "-W", "error::UserWarning", "-c", program, data.hex()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("(1, 2, 3)\n", "")


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
