"""`training.assessment.pixels`: a picture taken apart and put together again is the same to a network."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from service.engine.preprocessing import decode, to_tensor
from tests.picture_files import PIXEL_LIMIT, encoded, input_of, noise
from training.assessment.pixels import pixels_of, tensor_of
from training.data import Example
from training.errors import DataError

SPEC = input_of(width=8, height=8, layout="NCHW", rule="letterbox")


def _transparent() -> Image.Image:
    return Image.fromarray(np.dstack([noise(9, 7), noise(9, 7, channels=1)]))


@pytest.mark.parametrize(
    "data",
    [
        encoded(noise(20, 30)),
        encoded(noise(20, 30, channels=1)),
        encoded(_transparent()),
        encoded(Image.fromarray(noise(20, 30)).quantize(16)),
        encoded(noise(31, 17), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"),
    ],
    ids=["colour", "grey", "transparent", "palette", "turned"],
)
@pytest.mark.parametrize("color_mode", ["RGB", "BGR", "L"])
def test_unchanged_picture_gives_the_same_tensor(data: bytes, color_mode: str) -> None:
    """Turned upright, laid over the background, in any mode: what a change starts from is what is served."""
    spec = input_of(width=8, height=8, layout="NCHW", rule="letterbox", color_mode=color_mode)
    pixels_HWC = pixels_of(Example(data, 0, "picture"), steps=spec.preprocessing)
    expected = to_tensor(decode(data, max_pixels=PIXEL_LIMIT), spec)
    assert np.array_equal(tensor_of(pixels_HWC, spec=spec), expected)


def test_turned_picture_stands_upright() -> None:
    """EXIF orientation 6 exchanges width and height."""
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    example = Example(encoded(noise(31, 17), "JPEG", exif=exif), 0, "turned.jpg")
    assert pixels_of(example, steps=SPEC.preprocessing).shape == (31, 17, 3)


def test_large_picture_is_made_smaller_in_its_own_shape() -> None:
    """At most 2048 pixels on the longer side."""
    example = Example(encoded(Image.new("L", (5000, 100), 7), compress_level=1), 0, "strip.png")
    assert pixels_of(example, steps=SPEC.preprocessing).shape == (41, 2048, 3)


def test_broken_picture_is_named() -> None:
    """The file at fault is in the message."""
    with pytest.raises(DataError, match=r"broken\.gif: "):
        pixels_of(Example(b"GIF89a", 0, "broken.gif"), steps=SPEC.preprocessing)
