"""How large a picture becomes, and how far a photograph may be scaled down while it is decoded.

A JPEG decoder can leave out every second pixel in each direction, or three of four, by averaging them on the way: a
photograph of twelve megapixels costs a third of the time, and a sixteenth of the memory. The average of a block is not
what the resampling filter would have made of its pixels, so this is done only where the difference is small: for
photographs that are still a good deal larger than the result afterwards.

Arithmetic on sizes alone: knows neither pixels nor Pillow.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from service.artifact import Input

Size: TypeAlias = tuple[int, int]  # width, height in pixels

# To 1/8 a decoder rounds upwards: 0.25 of 255 brighter everywhere.
_REDUCTIONS: Final = (4, 2)
# Pixels that must be left for one of the result, along each side. Measured against exact decoding, mean over pictures
# and largest difference of 8-bit values; photographs with noise, 1280 to 4000 columns, four in one so that there are
# details of every size: 2.0 left 0.45 and 8, 2.5 left 0.29 and 5, 2.9 left 0.25 and 4, 3.35 left 0.19 and 3. At 1/2 and
# at 1/4 alike.
_LEAST_PIXELS_LEFT: Final = 2.9
# Smaller pictures take milliseconds, and were mostly scaled down already: their neighbours differ more, and so would
# the result (0.5 of 255 and up to 11, measured on photographs whose shorter side is 160).
_LEAST_PIXELS: Final = 1_000_000
# A box filter has an edge that a block of pixels straddles (0.4 and up to 15, measured); one that keeps its width
# however small the result is reads single pixels.
_SMOOTH: Final = frozenset({"bilinear", "hamming", "bicubic", "lanczos"})


def whole_size(picture: Size, spec: Input) -> Size:
    """Say to which size the whole picture is resampled, before anything is cut off or laid around it.

    Sizes round as torchvision's Resize does, so that networks trained with it see the same pixels.

    Args:
        picture: Its size as a person sees it, turned already.
        spec: The manifest's input.

    """
    resize = spec.preprocessing.resize
    if resize.rule == "exact":
        return spec.width, spec.height
    width, height = picture
    if resize.rule == "letterbox":
        factor = min(spec.width / width, spec.height / height)
        return max(1, min(spec.width, round(width * factor))), max(1, min(spec.height, round(height * factor)))
    short_side = resize.size or min(spec.width, spec.height)
    long_side = int(short_side * max(picture) / min(picture))
    return (short_side, long_side) if width <= height else (long_side, short_side)


def reduction_of(picture: Size, spec: Input) -> int:
    """Say how far a JPEG may be scaled down while it is decoded: 4, 2, or 1 for not at all.

    Args:
        picture: Its size as a person sees it, turned already.
        spec: The manifest's input.

    """
    if not may_reduce(spec) or picture[0] * picture[1] < _LEAST_PIXELS:
        return 1
    result = whole_size(picture, spec)
    shrinkage = min(picture[0] / result[0], picture[1] / result[1])
    return next((reduction for reduction in _REDUCTIONS if shrinkage >= _LEAST_PIXELS_LEFT * reduction), 1)


def may_reduce(spec: Input) -> bool:
    """Say whether a manifest's resampling averages all pixels smoothly, so that it may begin with averages."""
    resize = spec.preprocessing.resize
    return resize.antialias and resize.interpolation in _SMOOTH
