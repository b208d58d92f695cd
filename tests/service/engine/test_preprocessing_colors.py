"""Every colour mode comes out as a person would see it."""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np
import pytest
from PIL import Image

from tests.picture_files import Pixels, encoded, noise, png_file, shown

RED: Final = (255, 0, 0)
BLUE: Final = (0, 0, 255)


def only_pixel(data: bytes, **changes: Any) -> tuple[int, ...]:
    """Show a picture of one pixel."""
    return tuple(np.atleast_1d(shown(data, width=1, height=1, **changes)[0, 0]).tolist())


def close(seen: tuple[int, ...], expected: tuple[float, ...], *, tolerance: float = 1.0) -> bool:
    """Compare colours of equal length."""
    return all(abs(a - b) <= tolerance for a, b in zip(seen, expected, strict=True))


def test_plain_colours_are_kept_as_they_are() -> None:
    """A lossless RGB file gives its own pixels."""
    pixels = noise(7, 5)
    np.testing.assert_array_equal(shown(encoded(pixels), width=7, height=5), pixels)


def test_grey_fills_three_channels_alike() -> None:
    """A grey picture for a colour network has three equal channels."""
    grey = noise(7, 5, channels=1)
    expected = np.stack([grey, grey, grey], axis=-1)
    np.testing.assert_array_equal(shown(encoded(grey), width=7, height=5), expected)


def test_grey_stays_grey_for_a_grey_network() -> None:
    """A grey picture reaches a grey network untouched."""
    grey = noise(7, 5, channels=1)
    np.testing.assert_array_equal(shown(encoded(grey), width=7, height=5, color_mode="L"), grey)


@pytest.mark.parametrize("color", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (10, 200, 30)])
def test_colour_becomes_grey_by_luminance(color: tuple[int, int, int]) -> None:
    """A grey network sees 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601)."""
    expected = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]
    assert close(only_pixel(encoded(Image.new("RGB", (1, 1), color)), color_mode="L"), (expected,))


def test_bgr_networks_get_blue_first() -> None:
    """BGR is the same picture with its channels in the other order."""
    pixels = noise(7, 5)
    np.testing.assert_array_equal(shown(encoded(pixels), width=7, height=5, color_mode="BGR"), pixels[:, :, ::-1])


@pytest.mark.parametrize("file_format", ["PNG", "GIF", "BMP"])
def test_a_palette_picture_shows_its_colours_and_not_its_indices(file_format: str) -> None:
    """Index 1 of a palette of red and blue is blue."""
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *BLUE])
    image.putpixel((1, 0), 1)
    seen = shown(encoded(image, file_format), width=2, height=1)
    np.testing.assert_array_equal(seen[0], [RED, BLUE])


def test_a_one_bit_picture_is_black_and_white() -> None:
    """One bit means 0 or 255, not 0 or 1."""
    image = Image.new("1", (2, 1))
    image.putpixel((1, 0), 1)
    np.testing.assert_array_equal(shown(encoded(image), width=2, height=1)[0], [(0, 0, 0), (255, 255, 255)])


@pytest.mark.parametrize(
    ("ink", "color"),
    [
        ((0, 0, 0, 0), (255, 255, 255)),
        ((255, 0, 0, 0), (0, 255, 255)),
        ((0, 255, 0, 0), (255, 0, 255)),
        ((0, 0, 255, 0), (255, 255, 0)),
        ((0, 0, 0, 255), (0, 0, 0)),
        ((0, 0, 0, 128), (127, 127, 127)),
    ],
)
@pytest.mark.parametrize("color_mode", ["RGB", "L"])
def test_a_cmyk_jpeg_shows_printed_colours(
    ink: tuple[int, int, int, int], color: tuple[int, int, int], color_mode: str
) -> None:
    """Ink takes light away: no ink is white, cyan leaves green and blue, black takes all."""
    data = encoded(Image.new("CMYK", (16, 16), ink), "JPEG", quality=95)
    luminance = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]
    expected = color if color_mode == "RGB" else (luminance,)
    seen = np.atleast_1d(shown(data, width=16, height=16, color_mode=color_mode)[8, 8])
    assert close(tuple(seen.tolist()), expected, tolerance=3)


def test_sixteen_bit_grey_is_scaled_and_not_clipped() -> None:
    """65535 is white, 32768 is middle grey and 255 is nearly black."""
    values = np.array([[0, 255, 32768, 65535]], dtype=np.uint16)
    seen = shown(encoded(Image.fromarray(values)), width=4, height=1, color_mode="L")
    np.testing.assert_array_equal(seen, [[0, 1, 128, 255]])


def test_every_sixteen_bit_value_goes_to_the_nearest_of_eight_bits() -> None:
    """Value v becomes v / 257 rounded, as exact arithmetic says."""
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    seen = shown(encoded(Image.fromarray(values)), width=256, height=256, color_mode="L")
    expected = [(2 * value + 257) // (2 * 257) for value in range(65536)]
    np.testing.assert_array_equal(seen.ravel(), expected)


@pytest.mark.parametrize(("color_type", "samples"), [(2, (65535, 32768, 0)), (6, (65535, 32768, 0, 65535))])
def test_sixteen_bit_colour_is_scaled_and_not_clipped(color_type: int, samples: tuple[int, ...]) -> None:
    """Sixteen-bit RGB, with and without alpha, shows the colour that its high bytes tell."""
    rows = b"\0" + struct.pack(f">{len(samples)}H", *samples)
    data = png_file(1, 1, bit_depth=16, color_type=color_type, rows=rows)
    assert close(only_pixel(data), (255, 128, 0))


@pytest.mark.parametrize("background", [(0, 0, 0), (255, 255, 255), (124, 116, 104)])
@pytest.mark.parametrize("alpha", [0, 64, 128, 255])
@pytest.mark.parametrize(("file_format", "options"), [("PNG", {}), ("WEBP", {"lossless": True, "exact": True})])
def test_transparency_shows_the_background_of_the_manifest(
    background: tuple[int, int, int], alpha: int, file_format: str, options: dict[str, Any]
) -> None:
    """A pixel of opacity a shows a times its colour and 1 - a times the background."""
    color = (200, 100, 50)
    data = encoded(Image.new("RGBA", (1, 1), (*color, alpha)), file_format, **options)
    share = alpha / 255
    expected = tuple(share * c + (1 - share) * b for c, b in zip(color, background, strict=True))
    assert close(only_pixel(data, background=background), expected)


def test_transparent_grey_shows_the_background() -> None:
    """Grey with an alpha channel is laid over the background too, for grey and colour networks."""
    data = encoded(Image.new("LA", (1, 1), (200, 0)))
    assert close(only_pixel(data, background=RED), RED)
    assert close(only_pixel(data, background=RED, color_mode="L"), (0.299 * 255,))


@pytest.mark.parametrize(("file_format", "transparency"), [("PNG", 1), ("PNG", b"\xff\x00"), ("GIF", 1)])
def test_a_transparent_palette_entry_shows_the_background(file_format: str, transparency: int | bytes) -> None:
    """A palette entry marked as transparent, alone or in a table of opacities, is not a colour."""
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *BLUE])
    image.putpixel((1, 0), 1)
    data = encoded(image, file_format, transparency=transparency)
    np.testing.assert_array_equal(shown(data, width=2, height=1, background=(1, 2, 3))[0], [RED, (1, 2, 3)])


@pytest.mark.parametrize(
    ("bit_depth", "color_type", "rows", "marker", "opaque"),
    [
        (1, 0, b"\0\x40", struct.pack(">H", 1), (0, 0, 0)),
        (8, 0, b"\0\x07\x63", struct.pack(">H", 0x63), (7, 7, 7)),
        (16, 0, b"\0\x07\x07\x12\x34", struct.pack(">H", 0x1234), (7, 7, 7)),
        (8, 2, b"\0\x01\x02\x03\x09\x08\x07", struct.pack(">3H", 9, 8, 7), (1, 2, 3)),
    ],
    ids=["one-bit", "grey", "sixteen-bit grey", "colour"],
)
def test_a_colour_declared_transparent_shows_the_background(
    bit_depth: int, color_type: int, rows: bytes, marker: bytes, opaque: tuple[int, int, int]
) -> None:
    """The colour that a PNG's tRNS chunk names is see-through wherever it stands; others are not."""
    data = png_file(2, 1, bit_depth=bit_depth, color_type=color_type, rows=rows, tRNS=marker)
    np.testing.assert_array_equal(shown(data, width=2, height=1, background=(200, 10, 90))[0], [opaque, (200, 10, 90)])


@pytest.mark.parametrize("file_format", ["GIF", "PNG", "WEBP", "AVIF"])
def test_an_animation_shows_its_first_frame(file_format: str) -> None:
    """Of a red frame and a blue frame, the network sees red."""
    frames = [Image.new("RGB", (16, 16), color) for color in (RED, BLUE)]
    data = encoded(frames[0], file_format, save_all=True, append_images=frames[1:], duration=100)
    assert close(tuple(shown(data, width=16, height=16)[8, 8].tolist()), RED, tolerance=4)


def test_a_second_picture_in_a_phone_jpeg_is_ignored() -> None:
    """An MPO, which phones write as .jpg, shows its first picture."""
    data = encoded(
        Image.new("RGB", (16, 16), RED), "MPO", save_all=True, append_images=[Image.new("RGB", (16, 16), BLUE)]
    )
    assert close(tuple(shown(data, width=16, height=16)[8, 8].tolist()), RED, tolerance=4)


def test_preprocessing_leaves_the_decoded_picture_alone() -> None:
    """The same decoded picture gives the same tensor twice."""
    from service.engine.preprocessing import decode, to_tensor
    from tests.picture_files import input_of

    image = Image.fromarray(np.dstack([noise(6, 4), noise(6, 4, channels=1)]))
    picture = decode(encoded(image), max_pixels=100)
    spec = input_of(width=3, height=3)
    first: Pixels = np.array(to_tensor(picture, spec), dtype=np.uint8)
    np.testing.assert_array_equal(to_tensor(picture, spec), first)
    assert (picture.width, picture.height, picture.image.mode) == (6, 4, "RGBA")
