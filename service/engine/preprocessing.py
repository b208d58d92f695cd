"""From a decoded picture to the tensor that a network takes, as its manifest says.

Pictures come out as a person would see them: turned as EXIF asks, transparency laid over a colour, sixteen bits
brought to eight by scaling. Axes of arrays: C channels, H rows, W columns.

Knows manifests and pixels; neither networks nor HTTP.
"""

from __future__ import annotations

import math
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.artifact import Input, Preprocessing, Resize
from service.engine.decoding import DECODER_ERRORS, FORMATS, Picture, decode, decoded, reason_of
from service.errors import BadImageError

__all__ = ["FORMATS", "Picture", "decode", "decoded", "to_tensor"]

Box: TypeAlias = tuple[float, float, float, float]  # left, top, right, bottom in pixels

_FILTERS: Final = {
    "nearest": Image.Resampling.NEAREST,
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
# EXIF 2.32, tag 0x0112. Pillow's own exif_transpose also writes the other tags back and fails where one is odd.
_ORIENTATION_TAG: Final = 0x0112
_TURNS: Final[dict[object, Image.Transpose]] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_WIDEST_FILTER: Final = 3  # pixels that Lanczos reaches to each side
# Long side to short side up to which a picture is scaled as a whole. Cutting first gives other roundings between the
# two passes of a resampling: measured on photographs, one value in 400,000 by 2 of 255 (bilinear), one in 9,000 by up
# to 9 (bicubic).
_LONGEST_ASPECT_IN_WHOLE: Final = 8
_SIXTEEN_BIT_GREY: Final = "I;16"  # the only mode of more than eight bits that these formats open in
_SIXTEEN_TO_EIGHT: Final = 257  # 65535 / 255


def to_tensor(picture: Picture, spec: Input) -> NDArray[np.float32] | NDArray[np.uint8]:
    """Apply a manifest's preprocessing to one picture.

    Args:
        picture: From `decode`.
        spec: The manifest's input.

    Returns:
        One tensor without batch axis, C-contiguous: [C, H, W], [H, W, C] or [H, W] as `spec.layout` says.

    Raises:
        BadImageError: The pixels cannot be brought to the colours or the size asked for.

    """
    steps = spec.preprocessing
    try:
        image = _oriented(picture.image) if steps.exif_orientation else picture.image
        image = _colored(image, steps)
        image = _sized(image, steps, width=spec.width, height=spec.height)
    except DECODER_ERRORS as error:
        raise BadImageError(reason_of(error)) from error
    return _arranged(image, spec)


def _oriented(image: Image.Image) -> Image.Image:
    """Turn the picture as its EXIF tag asks; EXIF that cannot be read turns nothing."""
    try:
        turn = _TURNS.get(image.getexif().get(_ORIENTATION_TAG))
    except DECODER_ERRORS:
        return image
    return image if turn is None else image.transpose(turn)


def _colored(image: Image.Image, steps: Preprocessing) -> Image.Image:
    """Bring any colour mode to RGB or L, transparent parts showing the background."""
    mode = "L" if steps.color_mode == "L" else "RGB"
    if image.mode == mode and "transparency" not in image.info:
        return image
    if image.mode == _SIXTEEN_BIT_GREY:
        image = _eight_bit(image)
    if image.has_transparency_data:
        image = _laid_over(image.convert("RGBA"), steps.background)
    return image if image.mode == mode else image.convert(mode)


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale sixteen-bit grey to eight bits, to the nearest; Pillow's own conversion would clip it to white.

    Two-byte integers, because floating point would take eight times the memory of a large picture.
    """
    values_HW = np.asarray(image)
    quotients_HW, remainders_HW = np.divmod(values_HW, np.uint16(_SIXTEEN_TO_EIGHT))
    grey = Image.fromarray((quotients_HW + (remainders_HW > _SIXTEEN_TO_EIGHT // 2)).astype(np.uint8))
    transparent = image.info.get("transparency")
    if transparent is not None:
        grey.putalpha(Image.fromarray(np.where(values_HW == transparent, np.uint8(0), np.uint8(255))))
    return grey


def _laid_over(image: Image.Image, background: tuple[int, int, int]) -> Image.Image:
    canvas = Image.new("RGBA", image.size, (*background, 255))
    canvas.alpha_composite(image)
    return canvas.convert("RGB")


def _sized(image: Image.Image, steps: Preprocessing, *, width: int, height: int) -> Image.Image:
    resize = steps.resize
    if resize.rule == "exact":
        return _resampled(image, (width, height), resize)
    if resize.rule == "letterbox":
        return _letterboxed(image, steps, width=width, height=height)
    return _shorter_side_cropped(image, resize, width=width, height=height)


def _letterboxed(image: Image.Image, steps: Preprocessing, *, width: int, height: int) -> Image.Image:
    factor = min(width / image.width, height / image.height)
    inner = (max(1, min(width, round(image.width * factor))), max(1, min(height, round(image.height * factor))))
    fitted = _resampled(image, inner, steps.resize)
    if inner == (width, height):
        return fitted
    canvas = Image.new("RGB", (width, height), steps.background).convert(image.mode)
    canvas.paste(fitted, ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return canvas


def _shorter_side_cropped(image: Image.Image, resize: Resize, *, width: int, height: int) -> Image.Image:
    """Scale the shorter side to `resize.size`, then cut the middle out.

    Sizes and offsets round as torchvision's Resize and CenterCrop do, so that networks trained with them see the
    same pixels. Of a strip only the middle is resampled: scaled as a whole it may be larger than memory.
    """
    short_side = resize.size or min(width, height)
    long_side = int(short_side * max(image.size) / min(image.size))
    size = (short_side, long_side) if image.width <= image.height else (long_side, short_side)
    left, top = round((size[0] - width) / 2), round((size[1] - height) / 2)
    if long_side <= _LONGEST_ASPECT_IN_WHOLE * short_side:
        return _resampled(image, size, resize).crop((left, top, left + width, top + height))
    scale_x, scale_y = image.width / size[0], image.height / size[1]
    window = (left * scale_x, top * scale_y, (left + width) * scale_x, (top + height) * scale_y)
    middle, window = _surroundings(image, window, scale=max(scale_x, scale_y))
    return _resampled(middle, (width, height), resize, window)


def _surroundings(image: Image.Image, window: Box, *, scale: float) -> tuple[Image.Image, Box]:
    """Cut out a window with the pixels around it that a filter reaches, and say where it lies in them."""
    reach = math.ceil(_WIDEST_FILTER * max(1.0, scale)) + 1
    left, top = max(0, math.floor(window[0]) - reach), max(0, math.floor(window[1]) - reach)
    right, bottom = min(image.width, math.ceil(window[2]) + reach), min(image.height, math.ceil(window[3]) + reach)
    return image.crop((left, top, right, bottom)), (
        window[0] - left,
        window[1] - top,
        window[2] - left,
        window[3] - top,
    )


def _resampled(image: Image.Image, size: tuple[int, int], resize: Resize, window: Box | None = None) -> Image.Image:
    """Resample a window, by default the whole picture, to (width, height).

    Without antialiasing the filter keeps its width however small the result is.
    """
    left, top, right, bottom = window = window or (0, 0, *image.size)
    if image.size == size and window == (0, 0, *size):
        return image
    scale_x, scale_y = (right - left) / size[0], (bottom - top) / size[1]
    if resize.antialias or resize.interpolation == "nearest":
        return image.resize(size, _FILTERS[resize.interpolation], box=window)
    transform = Image.Resampling.BICUBIC if resize.interpolation == "bicubic" else Image.Resampling.BILINEAR
    return image.transform(size, Image.Transform.AFFINE, (scale_x, 0, left, 0, scale_y, top), resample=transform)


def _arranged(image: Image.Image, spec: Input) -> NDArray[np.float32] | NDArray[np.uint8]:
    """Scale and normalise plane by plane into the layout of the network, without a copy in between."""
    planes = image.split()
    if spec.preprocessing.color_mode == "BGR":
        planes = planes[::-1]
    if spec.dtype == "uint8":
        return _stacked_uint8(planes, spec)
    tensor_CHW = np.empty((spec.channels, spec.height, spec.width), dtype=np.float32)
    steps = spec.preprocessing
    for plane, target_HW, mean, std in zip(planes, tensor_CHW, steps.mean, steps.std, strict=True):
        np.multiply(np.asarray(plane), np.float32(steps.scale / std), out=target_HW)
        np.subtract(target_HW, np.float32(mean / std), out=target_HW)
    if spec.layout == "NHWC":
        return np.ascontiguousarray(tensor_CHW.transpose(1, 2, 0))
    return tensor_CHW[0] if spec.layout == "NHW" else tensor_CHW


def _stacked_uint8(planes: tuple[Image.Image, ...], spec: Input) -> NDArray[np.uint8]:
    arrays = [np.asarray(plane) for plane in planes]
    if spec.layout == "NHW":
        return arrays[0].copy()
    return np.ascontiguousarray(np.stack(arrays, axis=0 if spec.layout == "NCHW" else -1))
