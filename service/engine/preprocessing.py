"""From a decoded picture to the tensor that a network takes, as its manifest says.

Pictures come out as a person would see them: turned as EXIF asks, transparency laid over a colour, sixteen bits
brought to eight by scaling. Axes of arrays: C channels, H rows, W columns.

Knows manifests and pixels; neither networks nor HTTP.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.artifact import Input, Preprocessing, Resize
from service.engine.decoding import DECODER_ERRORS, FORMATS, Picture, Reduction, decode, decoded, reason_of
from service.engine.framing import Size, may_reduce, reduction_of, whole_size
from service.errors import BadImageError

__all__ = ["FORMATS", "Picture", "Tensor", "decode", "decoded", "reduction_for", "to_tensor"]

Box: TypeAlias = tuple[float, float, float, float]  # left, top, right, bottom in pixels
Tensor: TypeAlias = NDArray[np.float32] | NDArray[np.float16] | NDArray[np.uint8]

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
_TRANSPOSED: Final = frozenset({5, 6, 7, 8})  # orientations that exchange width and height
_FLIPPED_X: Final = frozenset({2, 3, 6, 7})  # that exchange left and right, after exchanging width and height
_FLIPPED_Y: Final = frozenset({3, 4, 7, 8})  # that exchange top and bottom, likewise
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


@dataclass(frozen=True, slots=True)
class _View:
    """A picture as a person sees it.

    Args:
        image: Its pixels, each the average of several of the file where it was scaled down.
        extent: Where the picture lies in `image`, which may reach beyond it by a part of a pixel.
        size: Columns and rows of the file, turned as the picture is.

    """

    image: Image.Image
    extent: Box
    size: Size

    @property
    def is_exact(self) -> bool:
        """Whether every pixel is one of the file."""
        return self.image.size == self.size


def reduction_for(spec: Input) -> Reduction | None:
    """Make what `decode` asks for fast decoding: how far a JPEG is scaled down on its way to a network.

    Args:
        spec: The manifest's input.

    Returns:
        None where this input's pictures are always decoded exactly.

    """
    if not may_reduce(spec):
        return None

    def reduction(image: Image.Image) -> int:
        return reduction_of(_seen_size(image.size, _orientation(image, spec.preprocessing)), spec)

    return reduction


def to_tensor(picture: Picture, spec: Input) -> Tensor:
    """Apply a manifest's preprocessing to one picture.

    Args:
        picture: From `decode`.
        spec: The manifest's input.

    Returns:
        One tensor without batch axis, C-contiguous: [C, H, W], [H, W, C] or [H, W] as `spec.layout` says.

    Raises:
        BadImageError: The pixels cannot be brought to the colours or the size asked for.

    """
    try:
        image = _sized(_seen(picture, spec.preprocessing), spec)
    except DECODER_ERRORS as error:
        raise BadImageError(reason_of(error)) from error
    return _arranged(image, spec)


def _seen(picture: Picture, steps: Preprocessing) -> _View:
    """Turn the picture as its EXIF tag asks, and colour it."""
    image = picture.image
    orientation = _orientation(image, steps)
    turn = _TURNS.get(orientation)
    turned = _colored(image if turn is None else image.transpose(turn), steps)
    if picture.reduction == 1:
        return _View(turned, (0, 0, *turned.size), turned.size)
    size = _seen_size((picture.width, picture.height), orientation)
    width, height = size[0] / picture.reduction, size[1] / picture.reduction
    left = turned.width - width if orientation in _FLIPPED_X else 0.0
    top = turned.height - height if orientation in _FLIPPED_Y else 0.0
    return _View(turned, (left, top, left + width, top + height), size)


def _orientation(image: Image.Image, steps: Preprocessing) -> object:
    """Read how the picture is to be turned; EXIF that cannot be read turns nothing."""
    if not steps.exif_orientation:
        return None
    try:
        return image.getexif().get(_ORIENTATION_TAG)
    except DECODER_ERRORS:
        return None


def _seen_size(size: Size, orientation: object) -> Size:
    return size[::-1] if orientation in _TRANSPOSED else size


def _colored(image: Image.Image, steps: Preprocessing) -> Image.Image:
    """Bring any colour mode to RGB or L, transparent parts showing the background.

    Grey stays grey where RGB is wanted, because resampling one plane gives what resampling three equal ones gives.
    """
    mode = _mode(steps)
    if image.mode in (mode, "L") and "transparency" not in image.info:
        return image
    if image.mode == _SIXTEEN_BIT_GREY:
        image = _eight_bit(image)
    if image.has_transparency_data:
        image = _laid_over(_in_mode(image, "RGBA"), steps.background)
    return _in_mode(image, mode)


def _mode(steps: Preprocessing) -> str:
    return "L" if steps.color_mode == "L" else "RGB"


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    """Convert an image; one that is in this mode is not copied, as Pillow would."""
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
    return Image.alpha_composite(canvas, image).convert("RGB")


def _sized(view: _View, spec: Input) -> Image.Image:
    steps = spec.preprocessing
    size = whole_size(view.size, spec)
    if steps.resize.rule == "shorter_side":
        return _middle(view, size, spec)
    whole = _resampled(view.image, size, steps.resize, view.extent)
    return whole if size == (spec.width, spec.height) else _letterboxed(whole, spec)


def _letterboxed(image: Image.Image, spec: Input) -> Image.Image:
    mode = _mode(spec.preprocessing)
    canvas = _in_mode(Image.new("RGB", (spec.width, spec.height), spec.preprocessing.background), mode)
    canvas.paste(_in_mode(image, mode), ((spec.width - image.width) // 2, (spec.height - image.height) // 2))
    return canvas


def _middle(view: _View, size: Size, spec: Input) -> Image.Image:
    """Scale the picture to a size and cut the middle out.

    Offsets round as torchvision's CenterCrop does, so that networks trained with it see the same pixels. Of a strip
    only the middle is resampled, because scaled as a whole it may be larger than memory; of a picture that was scaled
    down already too, because its roundings are others anyway.
    """
    resize, (width, height) = spec.preprocessing.resize, (spec.width, spec.height)
    left, top = round((size[0] - width) / 2), round((size[1] - height) / 2)
    is_strip = max(size) > _LONGEST_ASPECT_IN_WHOLE * min(size)
    if view.is_exact and not is_strip:
        return _resampled(view.image, size, resize, view.extent).crop((left, top, left + width, top + height))
    start_x, start_y, end_x, end_y = view.extent
    scale_x, scale_y = (end_x - start_x) / size[0], (end_y - start_y) / size[1]
    window = (
        start_x + left * scale_x,
        start_y + top * scale_y,
        min(end_x, start_x + (left + width) * scale_x),
        min(end_y, start_y + (top + height) * scale_y),
    )
    if not is_strip:
        return _resampled(view.image, (width, height), resize, window)
    middle, window = _surroundings(view.image, window, scale=max(scale_x, scale_y))
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


def _resampled(image: Image.Image, size: Size, resize: Resize, window: Box) -> Image.Image:
    """Resample a window to (width, height).

    Without antialiasing the filter keeps its width however small the result is.
    """
    left, top, right, bottom = window
    whole: Box = (0, 0, *size)
    if image.size == size and window == whole:
        return image
    scale_x, scale_y = (right - left) / size[0], (bottom - top) / size[1]
    if resize.antialias or resize.interpolation == "nearest":
        return image.resize(size, _FILTERS[resize.interpolation], box=window)
    transform = Image.Resampling.BICUBIC if resize.interpolation == "bicubic" else Image.Resampling.BILINEAR
    return image.transform(size, Image.Transform.AFFINE, (scale_x, 0, left, 0, scale_y, top), resample=transform)


def _arranged(image: Image.Image, spec: Input) -> Tensor:
    """Scale and normalise plane by plane into the layout of the network, without a copy in between."""
    plane_HW = (spec.height, spec.width)
    shape = {"NCHW": (spec.channels, *plane_HW), "NHWC": (*plane_HW, spec.channels), "NHW": plane_HW}[spec.layout]
    tensor: Tensor = np.empty(shape, dtype=spec.dtype)
    planes = image.split()
    if len(planes) < spec.channels:
        planes *= spec.channels  # grey, for a network that takes colours
    if spec.preprocessing.color_mode == "BGR":
        planes = planes[::-1]
    steps = spec.preprocessing
    for plane, target_HW, mean, std in zip(planes, _channels_first(tensor, spec), steps.mean, steps.std, strict=True):
        if spec.dtype == "uint8":
            np.copyto(target_HW, np.asarray(plane))
            continue
        values_HW = None if spec.dtype == "float16" else target_HW  # half precision is rounded to once, at the end
        values_HW = np.multiply(np.asarray(plane), np.float32(steps.scale / std), out=values_HW)
        np.subtract(values_HW, np.float32(mean / std), out=values_HW)
        if values_HW is not target_HW:
            np.copyto(target_HW, values_HW, casting="same_kind")
    return tensor


def _channels_first(tensor: Tensor, spec: Input) -> Tensor:
    """Look at a tensor's own memory as [C, H, W]."""
    if spec.layout == "NHWC":
        return tensor.transpose(2, 0, 1)
    return tensor[np.newaxis] if spec.layout == "NHW" else tensor
