"""A picture comes out turned as its EXIF orientation asks, however odd the rest of its EXIF is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pytest
from PIL import Image

from tests.picture_files import Pixels, encoded, gradient, noise, shown

ORIENTATION_TAG: Final = 0x0112
WIDTH, HEIGHT = 24, 16

# EXIF 2.32, tag 0x0112: where row 0 and column 0 of the stored picture lie in the picture that is seen.
STORED: Final[dict[int, Callable[[Pixels], Pixels]]] = {
    1: lambda seen: seen,  # top, left
    2: lambda seen: seen[:, ::-1],  # top, right
    3: lambda seen: seen[::-1, ::-1],  # bottom, right
    4: lambda seen: seen[::-1, :],  # bottom, left
    5: lambda seen: seen.swapaxes(0, 1),  # left, top
    6: lambda seen: seen[:, ::-1].swapaxes(0, 1),  # right, top
    7: lambda seen: seen[::-1, ::-1].swapaxes(0, 1),  # right, bottom
    8: lambda seen: seen[::-1, :].swapaxes(0, 1),  # left, bottom
}


def exif_of(orientation: int) -> Image.Exif:
    """Make an EXIF block that asks for an orientation."""
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = orientation
    return exif


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize(("file_format", "options"), [("PNG", {}), ("WEBP", {"lossless": True})])
def test_each_orientation_in_a_lossless_file_gives_the_picture_that_is_seen(
    orientation: int, file_format: str, options: dict[str, bool]
) -> None:
    """All eight stored forms of one picture give exactly the same pixels."""
    seen = noise(WIDTH, HEIGHT)
    stored = np.ascontiguousarray(STORED[orientation](seen))
    data = encoded(stored, file_format, exif=exif_of(orientation), **options)
    np.testing.assert_array_equal(shown(data, width=WIDTH, height=HEIGHT), seen)


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("file_format", ["JPEG", "AVIF"])
def test_each_orientation_in_a_lossy_file_gives_the_picture_that_is_seen(orientation: int, file_format: str) -> None:
    """All eight stored forms of one smooth picture give the same pixels up to the loss of the format."""
    seen = gradient(64, 48)
    stored = np.ascontiguousarray(STORED[orientation](seen))
    data = encoded(stored, file_format, exif=exif_of(orientation), quality=95)
    difference = np.abs(shown(data, width=64, height=48).astype(int) - seen.astype(int))
    assert difference.max() <= 12


def test_a_manifest_may_ask_for_pixels_as_stored() -> None:
    """Without exif_orientation the tag is ignored."""
    stored = noise(WIDTH, HEIGHT)
    data = encoded(stored, exif=exif_of(6))
    np.testing.assert_array_equal(shown(data, width=WIDTH, height=HEIGHT, exif_orientation=False), stored)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation: int) -> None:
    """Values outside 1..8 mean nothing, as in browsers."""
    stored = noise(WIDTH, HEIGHT)
    data = encoded(stored, exif=exif_of(orientation))
    np.testing.assert_array_equal(shown(data, width=WIDTH, height=HEIGHT), stored)


@pytest.mark.parametrize(
    "damage", [b"Exif\0\0", b"Exif\0\0II*\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"Exif\0\0rubbish"]
)
def test_a_damaged_exif_block_turns_nothing(damage: bytes) -> None:
    """A picture whose EXIF cannot be read is a picture all the same."""
    stored = gradient(WIDTH, HEIGHT)
    data = encoded(stored, "JPEG", exif=damage, quality=100, subsampling=0)
    difference = np.abs(shown(data, width=WIDTH, height=HEIGHT).astype(int) - stored.astype(int))
    assert difference.max() <= 6


@pytest.mark.parametrize(
    "profile", ["\nexif\n       4\nzzzz\n", "\nexif\n       2\n4d4d\n", "exif"], ids=["no hex", "cut short", "one line"]
)
def test_a_damaged_exif_text_in_a_png_turns_nothing(profile: str) -> None:
    """Old ImageMagick files keep EXIF as text in hexadecimal, which may be anything."""
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_text("Raw profile type exif", profile)
    stored = noise(WIDTH, HEIGHT)
    np.testing.assert_array_equal(shown(encoded(stored, pnginfo=text), width=WIDTH, height=HEIGHT), stored)


def test_an_orientation_in_xmp_turns_the_picture() -> None:
    """Where EXIF is silent, the XMP block is asked."""
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", '<x:xmpmeta><rdf:Description tiff:Orientation="3"/></x:xmpmeta>')
    seen = noise(WIDTH, HEIGHT)
    data = encoded(np.ascontiguousarray(seen[::-1, ::-1]), pnginfo=text)
    np.testing.assert_array_equal(shown(data, width=WIDTH, height=HEIGHT), seen)


def test_other_exif_fields_that_cannot_be_written_back_do_not_keep_the_picture_from_turning() -> None:
    """Only the orientation is of interest: a text where a number belongs elsewhere in EXIF changes nothing."""
    entries = [(ORIENTATION_TAG, 3, 1, b"\x03\0\0\0"), (0x0102, 2, 4, b"abc\0")]  # BitsPerSample as a text
    exif = b"Exif\0\0II*\0\x08\0\0\0" + len(entries).to_bytes(2, "little")
    for tag, kind, count, value in entries:
        exif += tag.to_bytes(2, "little") + kind.to_bytes(2, "little") + count.to_bytes(4, "little") + value
    exif += bytes(4)
    seen = gradient(WIDTH, HEIGHT)
    data = encoded(np.ascontiguousarray(seen[::-1, ::-1]), "JPEG", exif=exif, quality=100, subsampling=0)
    difference = np.abs(shown(data, width=WIDTH, height=HEIGHT).astype(int) - seen.astype(int))
    assert difference.max() <= 6
