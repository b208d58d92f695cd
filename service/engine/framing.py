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

# Measured against exact decoding on photographs of twelve megapixels (differences of 8-bit values, mean and largest):
# scaled to 1/2 0.09 and 1, to 1/4 0.13 to 0.16 and 2. To 1/8 the decoder rounds upwards: 0.25 brighter everywhere.
_REDUCTIONS: Final = (4, 2)
# Pixels that must be left for one of the result, along each side. Measured at 1/4: 3.35 left 0.13, 2.5 left 0.16,
# 2.0 left 0.22; the difference grows with the square.
_LEAST_PIXELS_LEFT: Final = 2.5
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
