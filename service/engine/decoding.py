"""From the bytes of a picture to its pixels, within bounds of size, work and memory.

What a picture is comes from its bytes, never from a header or a file name. Its size is checked before a single pixel is
decoded, and pictures that take much memory are decoded one at a time, however many threads ask.

Beside `preprocessing` the only importer of Pillow. Knows neither manifests nor networks.
"""

from __future__ import annotations

import io
import re
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from service.errors import BadImageError, TooManyPixelsError, UnsupportedImageFormatError

FORMATS: Final = ("JPEG", "PNG", "WebP", "GIF", "BMP", "AVIF")

# Importing a plugin registers its format. JPEG brings MPO along, the JPEG with a second picture that many phones write.
_PLUGINS: Final = tuple(
    file.format
    for file in (
        JpegImagePlugin.JpegImageFile,
        PngImagePlugin.PngImageFile,
        WebPImagePlugin.WebPImageFile,
        GifImagePlugin.GifImageFile,
        BmpImagePlugin.BmpImageFile,
        AvifImagePlugin.AvifImageFile,
    )
)
# First bytes of these formats: what begins like this is a damaged picture, not a file of another kind.
_SIGNATURE: Final = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|BM|RIFF.{4}WEBP|.{4}ftypavi[fs]", re.DOTALL)
# What Pillow raises on damaged files, as its own code names it and two hundred thousand mutated files showed it; its
# assertions and index errors are among them. Not MemoryError, which is no fault of the file.
DECODER_ERRORS: Final = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    RuntimeError,
    TypeError,
    AssertionError,
    LookupError,
    ArithmeticError,
    struct.error,
    zlib.error,
)

Image.MAX_IMAGE_PIXELS = None  # the limit is the caller's, checked before decoding
# Odd metadata is no news, and changing filters per call is not thread-safe.
warnings.filterwarnings("ignore", module=r"PIL\.")

# JPEG's own limit. Pillow keeps a pointer per row, so that of a strip one pixel wide the rows alone take a gigabyte.
_LONGEST_SIDE: Final = 65_535
# A progressive JPEG repeats itself in scans, a dozen in real files; each costs a pass over all pixels.
_MOST_SCANS: Final = 100
_SCAN_MARKER: Final = b"\xff\xda"
# A picture whose decoding takes more than this is decoded while no other such picture is.
_LARGE_BYTES: Final = 160 * 2**20
_BYTES_PER_OPAQUE_PIXEL: Final = 4
_BYTES_PER_TRANSPARENT_PIXEL: Final = 16  # the pixels, a copy with alpha, and what is laid beneath
_one_large_picture: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture as its file stores it: not yet turned, in its own colour mode.

    Args:
        image: Pillow's image with its pixels loaded.
        format: Name of the file format, as in `FORMATS`.
        width: Columns in the file, in pixels.
        height: Rows in the file, in pixels.

    """

    image: Image.Image
    format: str
    width: int
    height: int


def decode(data: bytes, *, max_pixels: int) -> Picture:
    """Read the first frame of a picture, or say why not.

    Args:
        data: The file's bytes.
        max_pixels: Most pixels (width x height) that are decoded; larger ones are refused by their header.

    Raises:
        UnsupportedImageFormatError: The bytes are of no format in `FORMATS`.
        TooManyPixelsError: The header announces more than `max_pixels`.
        BadImageError: The bytes are broken, cut short, or made to be slow.

    """
    return _loaded(_opened(data, max_pixels=max_pixels))


@contextmanager
def decoded(data: bytes, *, max_pixels: int) -> Iterator[Picture]:
    """Read a picture as `decode` does; where it is large, no other large one is held until this context ends."""
    image = _opened(data, max_pixels=max_pixels)
    with _one_large_picture if _memory_bytes(image) > _LARGE_BYTES else nullcontext():
        yield _loaded(image)


def _opened(data: bytes, *, max_pixels: int) -> Image.Image:
    image = _open(data)
    width, height = image.size
    if width * height > max_pixels:
        raise TooManyPixelsError(width=width, height=height, limit_pixels=max_pixels)
    if max(width, height) > _LONGEST_SIDE:
        raise BadImageError(f"a side of it has {max(width, height)} pixels, and at most {_LONGEST_SIDE} are read")
    if _public_name(image.format) == "JPEG" and data.count(_SCAN_MARKER) > _MOST_SCANS:
        raise BadImageError(f"it has more than {_MOST_SCANS} scans, which no camera or editor writes")
    return image


def _loaded(image: Image.Image) -> Picture:
    width, height = image.size
    try:
        image.load()
    except DECODER_ERRORS as error:
        raise BadImageError(reason_of(error)) from error
    return Picture(image=image, format=_public_name(image.format), width=width, height=height)


def _memory_bytes(image: Image.Image) -> int:
    """Estimate the memory that decoding and colouring take at once."""
    opaque = image.mode in ("RGB", "L", "1", "CMYK") and "transparency" not in image.info
    return image.width * image.height * (_BYTES_PER_OPAQUE_PIXEL if opaque else _BYTES_PER_TRANSPARENT_PIXEL)


def _open(data: bytes) -> Image.Image:
    if not data:
        raise BadImageError("it is empty")
    try:
        return Image.open(io.BytesIO(data), formats=_PLUGINS)
    except UnidentifiedImageError as error:
        if _SIGNATURE.match(data):
            raise BadImageError("its header is damaged or cut short") from error
        raise UnsupportedImageFormatError(supported=FORMATS) from error
    except DECODER_ERRORS as error:
        raise BadImageError(reason_of(error)) from error


def _public_name(plugin: str | None) -> str:
    return {"MPO": "JPEG", "WEBP": "WebP"}.get(plugin or "", plugin or "")


def reason_of(error: Exception) -> str:
    """Say what a decoder complained about without its internals."""
    text = str(error).strip().rstrip(".")
    if "truncated" in text.lower():
        return "the file is cut short"
    return text if text and isinstance(error, (OSError, SyntaxError, ValueError)) else "its data is damaged"
