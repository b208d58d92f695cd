"""A decoded picture as a person sees it, in bytes that can be changed, and the way back; imports Pillow for the latter.

Turned upright, colours laid over the background, nothing cropped: what the serving preprocessing would start from.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.artifact import Input, Preprocessing, Resize
from service.engine.preprocessing import Picture, decode, to_tensor
from service.errors import InputError
from training.data import Example
from training.data.preprocessing import MAX_PIXELS
from training.errors import DataError

_LONGEST_SIDE = 2048  # pixels; larger ones are made smaller first, so that a change takes milliseconds
_ORIENTATION_TAG = 0x0112  # EXIF 2.32
_TURNED = frozenset({5, 6, 7, 8})  # orientations that exchange width and height


def pixels_of(example: Example, *, steps: Preprocessing) -> NDArray[np.uint8]:
    """Decode a picture into [H, W, 3] bytes, at most 2048 pixels long.

    Args:
        example: An encoded picture.
        steps: Whether EXIF turns it, and what lies under transparency.

    Raises:
        DataError: It cannot be read; the text names it.

    """
    try:
        picture = decode(example.encoded, max_pixels=MAX_PIXELS)
        pixels_HWC = to_tensor(picture, _upright(picture, steps=steps))
    except InputError as error:
        raise DataError(f"{example.origin}: {error}") from error
    return pixels_HWC.astype(np.uint8, copy=False)


def tensor_of(
    pixels_HWC: NDArray[np.uint8], *, spec: Input
) -> NDArray[np.float32] | NDArray[np.float16] | NDArray[np.uint8]:
    """Take pixels through the serving preprocessing, as if a file without loss had held them."""
    height, width = pixels_HWC.shape[:2]
    return to_tensor(Picture(Image.fromarray(pixels_HWC), "PNG", width, height), spec)


def _upright(picture: Picture, *, steps: Preprocessing) -> Input:
    """Describe an input that shows the whole picture in its own size."""
    width, height = picture.width, picture.height
    if steps.exif_orientation and _orientation(picture.image) in _TURNED:
        width, height = height, width
    scale = min(1.0, _LONGEST_SIDE / max(width, height))
    return Input(
        tensor="picture",
        layout="NHWC",
        dtype="uint8",
        channels=3,
        height=max(1, round(height * scale)),
        width=max(1, round(width * scale)),
        preprocessing=replace(
            steps,
            color_mode="RGB",
            resize=Resize(rule="exact", size=None, interpolation="bilinear", antialias=True),
            crop="none",
            scale=1.0,
            mean=(0.0, 0.0, 0.0),
            std=(1.0, 1.0, 1.0),
        ),
    )


def _orientation(image: Image.Image) -> object:
    try:
        return image.getexif().get(_ORIENTATION_TAG)
    except (OSError, SyntaxError, ValueError, LookupError, TypeError):
        return None  # EXIF that cannot be read turns nothing when serving either
