"""Makes picture files and inputs for tests, so that what a test expects can be read where it stands.

`shown` gives the pixels that a network would see: with an input of the picture's own size nothing is resampled, and the
tensor is the picture as a person sees it.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.artifact import Input, Preprocessing, Resize
from service.engine.preprocessing import Tensor, decode, to_tensor

Pixels = NDArray[np.uint8]
PIXEL_LIMIT: Final = 64_000_000


def encoded(pixels: Pixels | Image.Image, file_format: str = "PNG", **options: Any) -> bytes:
    """Write a picture file in memory; `options` go to the encoder."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    stream = io.BytesIO()
    image.save(stream, file_format, **options)
    return stream.getvalue()


def noise(width: int, height: int, *, channels: int = 3) -> Pixels:
    """Make a picture without two equal neighbours, so that a shift by one pixel cannot go unseen."""
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def texture(width: int, height: int) -> Pixels:
    """Make a picture as photographs are: neighbours resemble each other, and a shift by one pixel shows everywhere."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    waves = [np.sin(x / 2.1) + np.cos(y / 2.7), np.sin((x + y) / 3.3) + np.cos(x / 5), np.cos((x - 2 * y) / 6)]
    return np.asarray(np.rint(128 + 45 * np.stack(waves, axis=-1)), dtype=np.uint8)


def gradient(width: int, height: int) -> Pixels:
    """Make a smooth picture that lossy formats keep nearly as it is: red grows rightwards, green downwards."""
    red = np.linspace(0, 255, width)[np.newaxis, :].repeat(height, axis=0)
    green = np.linspace(0, 255, height)[:, np.newaxis].repeat(width, axis=1)
    return np.rint(np.stack([red, green, 255 - red], axis=-1)).astype(np.uint8)


def input_of(
    *,
    width: int,
    height: int,
    layout: str = "NHWC",
    dtype: str = "uint8",
    color_mode: str = "RGB",
    rule: str = "exact",
    size: int | None = None,
    interpolation: str = "bilinear",
    antialias: bool = True,
    background: tuple[int, int, int] = (0, 0, 0),
    exif_orientation: bool = True,
    scale: float = 1.0,
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
) -> Input:
    """Describe an input; by default the plain pixels, row by row."""
    channels = 1 if color_mode == "L" else 3
    fields: dict[str, Any] = {"rule": rule, "size": size, "interpolation": interpolation, "antialias": antialias}
    steps: dict[str, Any] = {
        "exif_orientation": exif_orientation,
        "color_mode": color_mode,
        "background": background,
        "resize": Resize(**fields),
        "crop": "center" if rule == "shorter_side" else "none",
        "scale": scale,
        "mean": mean or (0.0,) * channels,
        "std": std or (1.0,) * channels,
    }
    tensor: dict[str, Any] = {"layout": layout, "dtype": dtype, "channels": channels, "height": height, "width": width}
    return Input(tensor="input", preprocessing=Preprocessing(**steps), **tensor)


def tensor_of(data: bytes, spec: Input) -> Tensor:
    """Take a file the whole way to a tensor."""
    return to_tensor(decode(data, max_pixels=PIXEL_LIMIT), spec)


def shown(data: bytes, *, width: int, height: int, **changes: Any) -> Pixels:
    """Take a file to the pixels that a person sees, [H, W, 3], or [H, W] for color_mode L."""
    if changes.get("color_mode") == "L":
        changes.setdefault("layout", "NHW")
    return tensor_of(data, input_of(width=width, height=height, **changes)).astype(np.uint8)


def png_file(width: int, height: int, *, bit_depth: int, color_type: int, rows: bytes, **chunks: bytes) -> bytes:
    """Write a PNG chunk by chunk, for the kinds of picture that Pillow reads and does not write.

    Args:
        width: Announced in the header.
        height: Announced in the header.
        bit_depth: Bits per sample.
        color_type: 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGB with alpha.
        rows: Samples row by row, each row after its filter byte.
        chunks: Further chunks before the pixels, by name.

    """
    header = struct.pack(">IIBBBBB", width, height, bit_depth, color_type, 0, 0, 0)
    parts = [(b"IHDR", header), *((name.encode(), data) for name, data in chunks.items())]
    parts += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(name, data) for name, data in parts)


def lossless_jpeg(width: int, height: int, *, components: int = 3) -> bytes:
    """Write a JPEG of the lossless kind, all grey: each sample is as the one before, which takes a bit.

    Source: ITU-T T.81, annexes B and H.
    """

    def segment(marker: int, content: bytes) -> bytes:
        return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content

    frame = struct.pack(">BHHB", 8, height, width, components)
    frame += b"".join(bytes([number, 0x11, 0]) for number in range(1, components + 1))
    codes = bytes([0, 1, 1, *[0] * 14, 0, 1])  # 0: no difference, 10: a difference of one bit
    scan = bytes([components]) + b"".join(bytes([number, 0]) for number in range(1, components + 1)) + bytes([1, 0, 0])
    bits = bytes(-(-width * height * components // 8) + 1)
    return b"\xff\xd8" + segment(0xC3, frame) + segment(0xC4, codes) + segment(0xDA, scan) + bits + b"\xff\xd9"


def png_chunk(name: bytes, data: bytes) -> bytes:
    """Write one chunk of a PNG: length, name, data, checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
