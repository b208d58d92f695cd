"""What is no picture, no allowed picture or too large a picture is refused with a reason, before it costs anything."""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
import pytest
from PIL import Image

from service.engine.decoding import FORMATS, decode
from service.engine.preprocessing import to_tensor
from service.errors import BadImageError, TooManyPixelsError, UnsupportedImageFormatError
from tests.picture_files import PIXEL_LIMIT, encoded, gradient, input_of, noise, png_chunk, png_file, tensor_of

PLUGIN_NAMES: Final = {"JPEG": "JPEG", "PNG": "PNG", "WebP": "WEBP", "GIF": "GIF", "BMP": "BMP", "AVIF": "AVIF"}


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_of_the_allow_list_is_recognised_by_its_bytes(name: str) -> None:
    """Nothing but the bytes is given, and the picture knows its format and its size in the file."""
    picture = decode(encoded(noise(31, 17), PLUGIN_NAMES[name]), max_pixels=PIXEL_LIMIT)
    assert (picture.format, picture.width, picture.height) == (name, 31, 17)


def test_a_phone_jpeg_with_a_second_picture_counts_as_jpeg() -> None:
    """MPO is a name for programs, not for people."""
    image = Image.fromarray(noise(16, 16))
    data = encoded(image, "MPO", save_all=True, append_images=[image])
    assert decode(data, max_pixels=PIXEL_LIMIT).format == "JPEG"


@pytest.mark.parametrize("file_format", ["TIFF", "ICO", "PPM", "TGA", "PCX", "JPEG2000", "PDF", "DDS"])
def test_a_format_that_is_not_on_the_allow_list_is_refused_with_the_list(file_format: str) -> None:
    """Pillow could read these; the service does not offer their decoders to strangers."""
    with pytest.raises(UnsupportedImageFormatError, match="JPEG, PNG, WebP, GIF, BMP, AVIF") as caught:
        decode(encoded(noise(16, 16), file_format), max_pixels=PIXEL_LIMIT)
    assert caught.value.supported == FORMATS


@pytest.mark.parametrize("data", [b"This is a text.", b"\0" * 1000, b"\xff\xd8", b"<svg xmlns='x'/>", b"{}"])
def test_bytes_of_no_format_are_refused_as_such(data: bytes) -> None:
    """A text renamed .jpg is no damaged picture: it is none."""
    with pytest.raises(UnsupportedImageFormatError):
        decode(data, max_pixels=PIXEL_LIMIT)


def test_no_bytes_at_all_are_no_picture() -> None:
    """An empty part of a form has its own words."""
    with pytest.raises(BadImageError, match="empty"):
        decode(b"", max_pixels=PIXEL_LIMIT)


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_ends_inside_its_header_is_a_damaged_picture(name: str) -> None:
    """Bytes that begin like a picture are called unreadable, not of a wrong format."""
    data = encoded(noise(64, 64), PLUGIN_NAMES[name])
    with pytest.raises(BadImageError):
        decode(data[:20], max_pixels=PIXEL_LIMIT)


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_ends_inside_its_pixels_is_a_damaged_picture(name: str) -> None:
    """Half a picture is not classified as if it were whole."""
    data = encoded(noise(64, 64), PLUGIN_NAMES[name])
    with pytest.raises(BadImageError):
        decode(data[: len(data) * 2 // 3], max_pixels=PIXEL_LIMIT)


def test_a_truncated_jpeg_is_told_that_it_is_cut_short() -> None:
    """The words name what a person can mend: the upload stopped early."""
    data = encoded(gradient(200, 200), "JPEG")
    with pytest.raises(BadImageError, match=r"^The picture cannot be read: the file is cut short\.$"):
        decode(data[: len(data) // 2], max_pixels=PIXEL_LIMIT)


def test_a_hundred_megapixels_are_refused_by_the_header_alone() -> None:
    """The file holds no pixels at all: had anyone tried to decode it, the error would be another."""
    data = png_file(10_000, 10_000, bit_depth=8, color_type=2, rows=b"")
    with pytest.raises(BadImageError):
        decode(data, max_pixels=10_000 * 10_000)
    with pytest.raises(TooManyPixelsError) as caught:
        decode(data, max_pixels=PIXEL_LIMIT)
    error = caught.value
    assert (error.width, error.height, error.limit_pixels) == (10_000, 10_000, PIXEL_LIMIT)
    assert "10000 x 10000 = 100000000 pixels" in str(error)


@pytest.mark.parametrize("name", FORMATS)
def test_the_pixel_limit_holds_for_every_format_and_to_the_pixel(name: str) -> None:
    """A picture of exactly the limit passes, one pixel more is refused."""
    data = encoded(noise(20, 10), PLUGIN_NAMES[name])
    assert decode(data, max_pixels=200).width == 20
    with pytest.raises(TooManyPixelsError):
        decode(data, max_pixels=199)


def test_a_gif_that_claims_a_huge_canvas_is_refused_by_its_header() -> None:
    """Thirteen bytes of header announce 65535 x 65535."""
    header = b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0)
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0)
    with pytest.raises(TooManyPixelsError):
        decode(header + frame + b"\x02\x02\x44\x01\x00\x3b", max_pixels=PIXEL_LIMIT)


def test_a_palette_picture_without_a_palette_is_a_damaged_picture() -> None:
    """Pillow notices only when the colours are asked for, and then by an assertion."""
    data = png_file(2, 1, bit_depth=8, color_type=3, rows=b"\0\0\1")
    with pytest.raises(BadImageError, match="its data is damaged"):
        tensor_of(data, input_of(width=2, height=1))


def test_a_colour_profile_that_ends_early_is_a_damaged_picture() -> None:
    """Pillow runs out of the chunk while it reads the pixels: an IndexError of its own."""
    data = png_file(1, 1, bit_depth=8, color_type=2, rows=b"\0\1\2\3")
    end = data.index(b"IEND") - 4
    profile = png_chunk(b"iCCP", b"x\0")  # a name, and no byte that tells the method of compression
    with pytest.raises(BadImageError):
        decode(data[:end] + profile + data[end:], max_pixels=PIXEL_LIMIT)


def test_a_palette_that_cannot_be_converted_is_a_damaged_picture() -> None:
    """More opacities than a palette has entries are told with the decoder's own words."""
    data = png_file(2, 1, bit_depth=8, color_type=3, rows=b"\0\0\1", PLTE=bytes(6), tRNS=bytes(300))
    picture = decode(data, max_pixels=PIXEL_LIMIT)
    with pytest.raises(BadImageError, match="palette"):
        to_tensor(picture, input_of(width=2, height=1))


def test_reading_pictures_changes_no_pixel_of_the_bytes_given() -> None:
    """The caller's bytes can be used again."""
    data = encoded(noise(8, 8))
    copy = bytes(bytearray(data))
    np.asarray(decode(data, max_pixels=PIXEL_LIMIT).image)
    assert data == copy


@pytest.mark.parametrize("count", [900, 2000])
def test_a_jpeg_whose_header_comes_in_thousands_of_parts_is_refused(count: int) -> None:
    """Each part of EXIF costs a copy of those before it: four megabytes of them would take a thread for minutes."""
    data = encoded(noise(20, 10), "JPEG")
    data = data[:2] + b"\xff\xe1\0\x09Exif\0\0." * count + data[2:]
    if count < 1000:
        assert decode(data, max_pixels=PIXEL_LIMIT).width == 20
        return
    with pytest.raises(BadImageError, match="more than 1000 parts"):
        decode(data, max_pixels=PIXEL_LIMIT)
