"""JPEGs scaled down while they are decoded: averages of blocks, the same refusals, and less memory where that is so."""

from __future__ import annotations

import threading
from typing import Any, Final

import numpy as np
import pytest
from PIL import Image

from service.engine.decoding import decode, decoded
from service.errors import BadImageError, TooManyPixelsError, UnsupportedImageFormatError
from tests.picture_files import PIXEL_LIMIT, Pixels, encoded, gradient, lossless_jpeg, noise

FRAMES: Final = (b"\xff\xc0", b"\xff\xc2")  # baseline and progressive frame header
SCAN: Final = b"\xff\xda"


def quarter(_: Image.Image) -> int:
    """Ask for one of four columns and rows."""
    return 4


def half(_: Image.Image) -> int:
    """Ask for one of two columns and rows."""
    return 2


def block_means(pixels: Pixels, side: int) -> Pixels:
    """Average blocks of side x side pixels, the independent way."""
    height, width = pixels.shape[0] // side, pixels.shape[1] // side
    blocks = pixels[: height * side, : width * side].reshape(height, side, width, side, -1).astype(float)
    return np.asarray(np.rint(blocks.mean(axis=(1, 3)).squeeze()), dtype=np.uint8)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize(("reduction", "side"), [(half, 2), (quarter, 4)])
def test_each_pixel_is_the_average_of_its_block(reduction: Any, side: int, progressive: bool, mode: str) -> None:
    """Scaled decoding gives what averaging the exact pixels gives, up to roundings."""
    image = Image.fromarray(gradient(64, 48)).convert(mode)
    data = encoded(image, "JPEG", progressive=progressive, quality=95, **({} if mode == "L" else {"subsampling": 0}))
    exact = np.asarray(decode(data, max_pixels=PIXEL_LIMIT).image)
    scaled = decode(data, max_pixels=PIXEL_LIMIT, reduction=reduction)
    difference = np.abs(np.asarray(scaled.image).astype(int) - block_means(exact, side))
    assert difference.max() <= 2
    assert (scaled.width, scaled.height, scaled.reduction) == (64, 48, side)


@pytest.mark.parametrize("size", [(4, 9), (9, 4), (17, 30), (41, 63)])
def test_sides_that_do_not_divide_are_rounded_up(size: tuple[int, int]) -> None:
    """The last column and row of the scaled picture stand for what is left of the file."""
    picture = decode(encoded(noise(*size), "JPEG"), max_pixels=PIXEL_LIMIT, reduction=quarter)
    assert picture.image.size == (-(-size[0] // 4), -(-size[1] // 4))
    assert (picture.width, picture.height) == size


@pytest.mark.parametrize(("size", "reduction"), [((1, 1), 1), ((3, 7), 2), ((2, 500), 2), ((500, 1), 1)])
def test_a_picture_smaller_than_a_block_is_scaled_down_less(size: tuple[int, int], reduction: int) -> None:
    """What was really done is what the picture says."""
    picture = decode(encoded(noise(*size), "JPEG"), max_pixels=PIXEL_LIMIT, reduction=quarter)
    assert picture.reduction == reduction
    assert picture.image.size == (-(-size[0] // reduction), -(-size[1] // reduction))


def test_a_phone_jpeg_with_a_second_picture_is_scaled_down_too() -> None:
    """MPO is JPEG with something behind it."""
    image = Image.fromarray(gradient(64, 48))
    data = encoded(image, "MPO", save_all=True, append_images=[image])
    picture = decode(data, max_pixels=PIXEL_LIMIT, reduction=half)
    assert (picture.image.size, picture.reduction, picture.format) == ((32, 24), 2, "JPEG")


@pytest.mark.parametrize("name", ["PNG", "WEBP", "GIF", "BMP", "AVIF"])
def test_other_formats_are_decoded_as_they_are(name: str) -> None:
    """Their decoders know no smaller sizes, and nobody is asked."""
    picture = decode(encoded(noise(64, 48), name), max_pixels=PIXEL_LIMIT, reduction=quarter)
    assert (picture.image.size, picture.reduction) == ((64, 48), 1)


def test_cmyk_is_decoded_as_it_is() -> None:
    """Its averages are not the averages of the colours that a person sees."""
    data = encoded(Image.fromarray(noise(64, 48)).convert("CMYK"), "JPEG")
    picture = decode(data, max_pixels=PIXEL_LIMIT, reduction=quarter)
    assert (picture.image.size, picture.reduction) == ((64, 48), 1)


@pytest.mark.parametrize("components", [1, 3])
def test_a_lossless_jpeg_is_decoded_as_it_is(components: int) -> None:
    """Its decoder knows no smaller sizes, and would refuse the picture."""
    data = lossless_jpeg(64, 48, components=components)
    picture = decode(data, max_pixels=PIXEL_LIMIT, reduction=quarter)
    assert (picture.image.size, picture.reduction) == ((64, 48), 1)
    assert set(picture.image.tobytes()) == {128}


def test_scans_hidden_from_a_reader_of_markers_are_counted() -> None:
    """A decoder steps over 0xFF00 and finds two hundred scans where a comment pretends that there is one."""
    progressive, baseline = encoded(noise(20, 10), "JPEG", progressive=True), encoded(noise(20, 10), "JPEG")
    header = baseline[baseline.index(FRAMES[False]) : baseline.index(SCAN) + 14]
    comment = b"\xff\xfe" + (len(header) + 2).to_bytes(2, "big") + header
    last = progressive[progressive.rindex(SCAN) : -2]
    data = progressive[:2] + b"\xff\0\0\6" + comment + progressive[2:-2] + last * 200 + progressive[-2:]
    with pytest.raises(BadImageError, match="more than 100 scans"):
        decode(data, max_pixels=PIXEL_LIMIT)


def test_what_is_asked_is_the_picture_with_its_size_in_the_file() -> None:
    """The decision sees the size and the EXIF block before a pixel is decoded."""
    exif = Image.Exif()
    exif[0x0112] = 6
    asked = []

    def remember(image: Image.Image) -> int:
        asked.append((image.size, image.getexif()[0x0112]))
        return 1

    picture = decode(encoded(noise(64, 48), "JPEG", exif=exif), max_pixels=PIXEL_LIMIT, reduction=remember)
    assert asked == [((64, 48), 6)]
    assert (picture.image.size, picture.reduction) == ((64, 48), 1)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_truncated_file_is_told_so_however_little_of_it_was_wanted(progressive: bool) -> None:
    """Half a picture is not classified as if it were whole, in fast mode either."""
    data = encoded(gradient(400, 300), "JPEG", progressive=progressive)
    with pytest.raises(BadImageError, match="cut short"):
        decode(data[: len(data) // 2], max_pixels=PIXEL_LIMIT, reduction=quarter)


def test_a_text_renamed_to_jpg_is_no_picture() -> None:
    """Nothing is asked about it."""
    with pytest.raises(UnsupportedImageFormatError):
        decode(b"Dear Sir or Madam", max_pixels=PIXEL_LIMIT, reduction=quarter)


def test_a_file_that_ends_where_its_pixels_would_begin_is_a_damaged_picture() -> None:
    """Pillow opens it, because the size is known, and has nothing to scale down."""
    data = encoded(noise(64, 48), "JPEG")
    for end in (data.index(SCAN), data.index(SCAN) + 1):
        with pytest.raises(BadImageError):
            decode(data[:end], max_pixels=PIXEL_LIMIT, reduction=quarter)


def test_the_pixel_limit_counts_the_pixels_of_the_file() -> None:
    """What is too large does not depend on how it is decoded, because all of the file has to be read."""
    data = encoded(noise(20, 10), "JPEG")
    assert decode(data, max_pixels=200, reduction=quarter).width == 20
    with pytest.raises(TooManyPixelsError):
        decode(data, max_pixels=199, reduction=quarter)


def test_scan_markers_outside_the_picture_are_no_scans() -> None:
    """A file of one scan may hold any number of these bytes in its comment."""
    data = encoded(noise(20, 10), "JPEG", comment=SCAN * 300)
    assert decode(data, max_pixels=PIXEL_LIMIT).width == 20


def header_only(width: int, height: int, *, progressive: bool) -> bytes:
    """Make a JPEG that announces a size and ends after the header of its first scan."""
    data = encoded(gradient(64, 48), "JPEG", progressive=progressive)
    frame = data.index(FRAMES[progressive]) + 5  # behind marker, length and precision stand height and width
    scan = data.index(SCAN)
    end = scan + 2 + int.from_bytes(data[scan + 2 : scan + 4], "big")
    return data[:frame] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + data[frame + 4 : end]


@pytest.fixture(scope="module")
def large() -> bytes:
    """Make a picture whose decoding takes 192 MB: twelve megapixels with alpha."""
    return encoded(Image.new("RGBA", (4000, 3000)), compress_level=1)


@pytest.mark.parametrize(
    ("size", "progressive", "reduction", "waits"),
    [
        pytest.param((7000, 6500), False, None, True, id="45 MP exact: 182 MB of pixels"),
        pytest.param((7000, 6500), False, quarter, False, id="45 MP at a quarter: 11 MB of pixels"),
        pytest.param((7000, 6500), True, quarter, True, id="45 MP progressive: 273 MB of coefficients"),
        pytest.param((5000, 3600), True, None, True, id="18 MP progressive: 108 MB and 72 MB of pixels"),
        pytest.param((5000, 3600), True, quarter, False, id="18 MP progressive at a quarter: 108 MB and 5 MB"),
        pytest.param((5000, 3600), False, None, False, id="18 MP exact: 72 MB of pixels"),
    ],
)
def test_only_what_really_takes_much_memory_is_decoded_alone(
    large: bytes, size: tuple[int, int], progressive: bool, reduction: Any, waits: bool
) -> None:
    """A scaled picture needs memory for what is left of it; a progressive one for all coefficients besides."""
    data = header_only(*size, progressive=progressive)

    def decode_second() -> None:
        with pytest.raises(BadImageError), decoded(data, max_pixels=PIXEL_LIMIT, reduction=reduction):
            pass

    second = threading.Thread(target=decode_second)
    with decoded(large, max_pixels=PIXEL_LIMIT):
        second.start()
        second.join(timeout=0.5 if waits else 60)
        assert second.is_alive() == waits
    second.join()
