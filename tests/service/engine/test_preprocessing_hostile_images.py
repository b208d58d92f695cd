"""218 awkward or broken files from the tests of Pillow: each gives a tensor or the right kind of refusal.

The folder is not part of the project; CONVSERVE_TEST_DATA says where it lies.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from service.engine.preprocessing import decode, to_tensor
from service.errors import BadImageError, InputError, TooManyPixelsError, UnsupportedImageFormatError
from tests.picture_files import PIXEL_LIMIT, Pixels, input_of

FOLDER: Final = Path(os.environ.get("CONVSERVE_TEST_DATA", "../shared/data")) / "hostile-images"
ALLOWED: Final = {"JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "AVIF"}
ALLOWED_ENDINGS: Final = {".jpg", ".mpo", ".png", ".webp", ".gif", ".bmp", ".avif", ".apng"}
INPUTS: Final = [
    input_of(width=16, height=16, rule="shorter_side", size=20),
    input_of(width=16, height=16, rule="letterbox", color_mode="L", dtype="float32", scale=1 / 255),
]

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"{FOLDER} is not there; CONVSERVE_TEST_DATA names the folder that holds hostile-images"
)


def rows() -> list[dict[str, str]]:
    """Read what the index says about each file."""
    if not FOLDER.is_dir():
        return []
    with (FOLDER / "index.tsv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def expected_error(row: dict[str, str]) -> type[InputError] | None:
    """Work out from the index, which another program wrote, what must come of a file."""
    allowed = row["format"] in ALLOWED or (row["format"] == "-" and Path(row["file"]).suffix in ALLOWED_ENDINGS)
    if not allowed:
        return UnsupportedImageFormatError
    if "DecompressionBombError" in row["pillow_13_result"]:
        return TooManyPixelsError
    width, _, height = row["size"].partition("x")
    if height and int(width) * int(height) > PIXEL_LIMIT:
        return TooManyPixelsError
    return BadImageError if row["pillow_13_result"].startswith("error") else None


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
def test_each_file_gives_a_tensor_or_the_right_refusal(row: dict[str, str]) -> None:
    """The class of the outcome is the one that the index lets expect, and refusals have words."""
    data = (FOLDER / row["file"]).read_bytes()
    expected = expected_error(row)
    if expected is not None:
        with pytest.raises(expected) as caught:
            decode(data, max_pixels=PIXEL_LIMIT)
        assert str(caught.value)
        return
    picture = decode(data, max_pixels=PIXEL_LIMIT)
    assert f"{picture.width}x{picture.height}" == row["size"]
    for spec in INPUTS:
        assert np.isfinite(to_tensor(picture, spec)).all()


def seen(name: str, *, side: int = 64) -> Pixels:
    """Show a file as a small picture."""
    spec = input_of(width=side, height=side)
    return to_tensor(decode((FOLDER / name).read_bytes(), max_pixels=PIXEL_LIMIT), spec).astype(np.uint8)


def mean_difference(first: Pixels, second: Pixels) -> float:
    """Compare pictures, 0..255."""
    return float(np.abs(first.astype(int) - second.astype(int)).mean())


@pytest.mark.parametrize("ending", ["jpg", "webp"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_every_stored_orientation_shows_the_same_picture(orientation: int, ending: str) -> None:
    """Files made by another program with orientations 2 to 8 look like the upright original."""
    assert mean_difference(seen(f"hopper_orientation_{orientation}.{ending}"), seen("hopper.jpg")) < 4


def test_an_inverted_cmyk_jpeg_looks_like_its_rgb_twin() -> None:
    """Colours agree on average after conversion without a colour profile."""
    assert mean_difference(seen("pil_sample_cmyk.jpg"), seen("pil_sample_rgb.jpg")) < 6


@pytest.mark.parametrize("name", ["hopper.png", "hopper.webp", "hopper.bmp", "avif__hopper.avif", "hopper.gif"])
def test_one_picture_in_five_formats_looks_the_same(name: str) -> None:
    """The same photograph comes out alike whatever format carries it."""
    assert mean_difference(seen(name), seen("hopper.jpg")) < 4
