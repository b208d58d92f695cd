"""From the bytes of a picture to its pixels, within bounds of size, work and memory.

What a picture is comes from its bytes, never from a header or a file name. Its size is checked before a single pixel is
decoded, and pictures that take much memory are decoded one at a time, however many threads ask. JPEGs can be scaled
down while they are decoded; whether and how far is the caller's choice.

Beside `preprocessing` the only importer of Pillow. Knows neither manifests nor networks.
"""

from __future__ import annotations

import io
import re
import struct
import threading
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final, TypeAlias

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

from service.engine.jpeg_scans import MOST_PARTS, Coding, coding_of
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
_JPEG: Final = b"\xff\xd8\xff"
_SCAN_MARKER: Final = b"\xff\xda"
# A picture whose decoding takes more than this is decoded while no other such picture is.
_LARGE_BYTES: Final = 160 * 2**20
_BYTES_PER_OPAQUE_PIXEL: Final = 4
_BYTES_PER_TRANSPARENT_PIXEL: Final = 16  # the pixels, what is laid beneath, both together, and those without alpha
# One coefficient per sample of each component, kept where a JPEG comes in several scans. Measured at 12 megapixels,
# peak MiB above a small picture: one scan 46, a quarter of it 3; progressive 80 and 37, without subsampling 114 and 71.
_BYTES_PER_COEFFICIENT: Final = 2
# Of the colours in which JPEGs come those that may be averaged. CMYK becomes RGB by products of two of its planes, and
# the product of two averages is not the average of the products.
_REDUCIBLE_MODES: Final = frozenset({"RGB", "L"})
_ROW_BY_ROW: Final = Coding(in_one_scan=True, scales=False, parts=0)  # of the other formats
_one_large_picture: Final = threading.Lock()

Reduction: TypeAlias = Callable[[Image.Image], int]
"""Says of a JPEG whose header was read how far it is scaled down while it is decoded: 1 (not at all), 2, 4 or 8."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture as its file stores it: not yet turned, in its own colour mode.

    Args:
        image: Pillow's image with its pixels loaded.
        format: Name of the file format, as in `FORMATS`.
        width: Columns in the file, in pixels.
        height: Rows in the file, in pixels.
        reduction: Columns and rows of the file for each of `image`; where they do not divide, the last column and row
            of `image` reach beyond the file.

    """

    image: Image.Image
    format: str
    width: int
    height: int
    reduction: int = 1


def decode(data: bytes, *, max_pixels: int, reduction: Reduction | None = None) -> Picture:
    """Read the first frame of a picture, or say why not.

    Args:
        data: The file's bytes.
        max_pixels: Most pixels (width x height) of the file; larger ones are refused by their header. However far a
            picture is scaled down, all of its file has to be read: what is refused depends on the picture alone.
        reduction: How far JPEGs are scaled down; None for not at all. Other formats, CMYK and lossless ones never are.

    Raises:
        UnsupportedImageFormatError: The bytes are of no format in `FORMATS`.
        TooManyPixelsError: The header announces more than `max_pixels`.
        BadImageError: The bytes are broken, cut short, or made to be slow.

    """
    return _loaded(_opened(data, max_pixels=max_pixels, reduction=reduction)[0])


@contextmanager
def decoded(data: bytes, *, max_pixels: int, reduction: Reduction | None = None) -> Iterator[Picture]:
    """Read a picture as `decode` does; where it is large, no other large one is held until this context ends."""
    picture, in_one_scan = _opened(data, max_pixels=max_pixels, reduction=reduction)
    with _one_large_picture if _memory_bytes(picture, in_one_scan=in_one_scan) > _LARGE_BYTES else nullcontext():
        yield _loaded(picture)


def _opened(data: bytes, *, max_pixels: int, reduction: Reduction | None) -> tuple[Picture, bool]:
    """Read a header and refuse what is too large; also say whether the pixels are read row by row."""
    image, coding = _open(data)
    width, height = image.size
    if width * height > max_pixels:
        raise TooManyPixelsError(width=width, height=height, limit_pixels=max_pixels)
    if max(width, height) > _LONGEST_SIDE:
        raise BadImageError(f"a side of it has {max(width, height)} pixels, and at most {_LONGEST_SIDE} are read")
    public_name = _public_name(image.format)
    if not coding.in_one_scan and data.count(_SCAN_MARKER) > _MOST_SCANS:
        raise BadImageError(f"it has more than {_MOST_SCANS} scans, which no camera or editor writes")
    factor = 1
    if reduction is not None and coding.scales and image.mode in _REDUCIBLE_MODES:
        factor = _reduced(image, reduction(image))
    return Picture(image, public_name, width, height, factor), coding.in_one_scan


def _reduced(image: Image.Image, factor: int) -> int:
    """Have a JPEG scaled down when it will be decoded, and say how far: less where a side has too few pixels."""
    width, height = image.size
    taken = None if factor == 1 else image.draft(None, (max(1, width // factor), max(1, height // factor)))
    if taken is None:  # also where a file ends before its pixels begin
        return 1
    _, (_, _, scaled_width, _) = taken
    return round(width / scaled_width)


def _loaded(picture: Picture) -> Picture:
    try:
        picture.image.load()
    except DECODER_ERRORS as error:
        raise BadImageError(reason_of(error)) from error
    return picture


def _memory_bytes(picture: Picture, *, in_one_scan: bool) -> int:
    """Estimate the memory that decoding and colouring take at once."""
    image = picture.image
    opaque = image.mode in ("RGB", "L", "1", "CMYK") and "transparency" not in image.info
    pixels = image.width * image.height * (_BYTES_PER_OPAQUE_PIXEL if opaque else _BYTES_PER_TRANSPARENT_PIXEL)
    samples = 0 if in_one_scan else picture.width * picture.height * len(image.getbands())
    return pixels + samples * _BYTES_PER_COEFFICIENT


def _open(data: bytes) -> tuple[Image.Image, Coding]:
    if not data:
        raise BadImageError("it is empty")
    coding = coding_of(data) if data.startswith(_JPEG) else _ROW_BY_ROW
    if coding.parts > MOST_PARTS:
        raise BadImageError(f"its header has more than {MOST_PARTS} parts, which no camera or editor writes")
    try:
        return Image.open(io.BytesIO(data), formats=_PLUGINS), coding
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
