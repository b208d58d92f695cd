"""Whatever bytes arrive, preprocessing gives a tensor or an InputError and nothing else."""

from __future__ import annotations

import struct
import zlib
from typing import Final

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from service.artifact import Input
from service.engine.preprocessing import decode, to_tensor
from service.errors import InputError
from tests.picture_files import encoded, input_of, noise, png_chunk

PIXEL_LIMIT: Final = 1_000_000
EXIF: Final = Image.Exif()
EXIF[0x0112] = 6
ANIMATION: Final = {"save_all": True, "append_images": [Image.fromarray(noise(12, 9)[::-1])]}
REAL_PICTURES: Final = [
    encoded(noise(12, 9), "JPEG", exif=EXIF),
    encoded(noise(12, 9), "JPEG", progressive=True),
    encoded(Image.fromarray(noise(12, 9)).convert("CMYK"), "JPEG"),
    encoded(noise(12, 9), "PNG", exif=EXIF),
    encoded(Image.fromarray(noise(12, 9)).quantize(7), "PNG", transparency=2),
    encoded(noise(12, 9), "PNG", **ANIMATION),
    encoded(noise(12, 9), "WEBP", exif=EXIF),
    encoded(noise(12, 9), "WEBP", lossless=True, **ANIMATION),
    encoded(noise(12, 9), "GIF", **ANIMATION),
    encoded(noise(12, 9), "BMP"),
    encoded(Image.fromarray(noise(12, 9)).quantize(7), "BMP"),
    encoded(noise(12, 9), "AVIF"),
]
SIGNATURES: Final = [data[:16] for data in REAL_PICTURES]
INPUTS: Final = [
    input_of(width=4, height=3),
    input_of(width=4, height=4, color_mode="L", rule="letterbox", dtype="float32", layout="NCHW"),
    input_of(width=4, height=3, color_mode="BGR", rule="shorter_side", size=5, antialias=False),
]


def require_tensor_or_input_error(data: bytes, spec: Input, *, reduction: int = 1) -> None:
    """Fail on every outcome but the two."""
    try:
        tensor = to_tensor(decode(data, max_pixels=PIXEL_LIMIT, reduction=lambda _: reduction), spec)
    except InputError:
        return
    expected = {"NCHW": (spec.channels, spec.height, spec.width), "NHWC": (spec.height, spec.width, spec.channels)}
    assert tensor.shape == expected[spec.layout]
    assert np.isfinite(tensor).all()


@settings(max_examples=200, deadline=None)
@given(start=st.sampled_from([b"", *SIGNATURES]), rest=st.binary(max_size=200), spec=st.sampled_from(INPUTS))
@example(start=b"", rest=b"", spec=INPUTS[0])
def test_any_bytes_give_a_tensor_or_an_input_error(start: bytes, rest: bytes, spec: Input) -> None:
    """Random bytes, with and without the first bytes of a real picture, never raise anything else."""
    require_tensor_or_input_error(start + rest, spec)


@st.composite
def damaged_pictures(draw: st.DrawFn) -> bytes:
    """Take a real picture and change, remove, double or insert some of its bytes, most of them near its start."""
    data = bytearray(draw(st.sampled_from(REAL_PICTURES)))
    for _ in range(draw(st.integers(1, 6))):
        end = draw(st.sampled_from([40, 200, len(data)]))
        place = draw(st.integers(0, min(end, len(data) - 1)))
        match draw(st.sampled_from(["change", "change", "cut", "remove", "double", "insert"])):
            case "change":
                data[place] = draw(st.integers(0, 255))
            case "cut":
                del data[max(1, place) :]
            case "remove":
                del data[max(1, place) : place + draw(st.integers(1, 8))]
            case "double":
                data[place:place] = data[place : place + 8]
            case _:
                data[place:place] = draw(st.binary(min_size=1, max_size=8))
    return bytes(data)


@settings(max_examples=300, deadline=None)
@given(data=damaged_pictures(), spec=st.sampled_from(INPUTS), reduction=st.sampled_from([1, 2, 4]))
def test_any_damage_to_a_real_picture_gives_a_tensor_or_an_input_error(
    data: bytes, spec: Input, reduction: int
) -> None:
    """Flipped, missing and doubled bytes in any format never raise anything else, however it is decoded."""
    require_tensor_or_input_error(data, spec, reduction=reduction)


CHUNK_NAMES: Final = [b"PLTE", b"tRNS", b"iCCP", b"eXIf", b"zTXt", b"iTXt", b"acTL", b"fcTL", b"fdAT", b"IDAT", b"IEND"]


@st.composite
def odd_pngs(draw: st.DrawFn) -> bytes:
    """Put well-formed chunks with right checksums together in ways that make no sense."""
    bit_depth, color_type = draw(st.sampled_from([1, 2, 4, 8, 16])), draw(st.sampled_from([0, 2, 3, 4, 6]))
    header = struct.pack(">IIBBBBB", draw(st.integers(0, 5)), draw(st.integers(0, 5)), bit_depth, color_type, 0, 0, 0)
    chunks = [(b"IDAT", zlib.compress(draw(st.binary(max_size=240))))]
    extra = st.tuples(st.sampled_from(CHUNK_NAMES), st.binary(max_size=40))
    before, after = draw(st.lists(extra, max_size=3)), draw(st.lists(extra, max_size=2))
    order = [(b"IHDR", header), *before, *chunks, *after, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, data) for name, data in order)


@settings(max_examples=300, deadline=None)
@given(data=odd_pngs(), spec=st.sampled_from(INPUTS))
def test_any_order_of_valid_png_chunks_gives_a_tensor_or_an_input_error(data: bytes, spec: Input) -> None:
    """Checksums keep random damage out of a PNG's chunks, so this one computes them."""
    require_tensor_or_input_error(data, spec)
