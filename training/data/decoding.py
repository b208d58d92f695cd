"""Encoded pictures into uint8 pixels, a portion at a time, through the decoder that serves.

Training sees the pixels that the service will see, because both ask `service.engine.preprocessing`. A file that cannot
be used is no error here but a finding: it is named, its pixels stay black, and the caller decides what becomes of it.
So the work can be done by other processes, whose errors would arrive as stack traces.

Axes: N pictures, C channels, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.artifact import Input
from service.engine.preprocessing import decode, to_tensor
from service.errors import InputError, UnsupportedImageFormatError
from training.data import Example
from training.data.preprocessing import MAX_PIXELS
from training.errors import DataError

_CAMERA_KINDS = {".heic": "HEIC", ".heif": "HEIF", ".tif": "TIFF", ".tiff": "TIFF", ".svg": "SVG", ".dng": "raw"}


@dataclass(frozen=True, slots=True)
class Problem:
    """A picture that cannot be used.

    Args:
        position: Which of the list.
        text: Names it and says why, in a sentence.

    """

    position: int
    text: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """A portion of pictures.

    Args:
        pixels_NCHW: uint8, in the size and colours of the network's input; black where there is a problem.
        problems: Those of this portion.

    """

    pixels_NCHW: NDArray[np.uint8]  # noqa: N815  # axes in the name
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Decoder:
    """Decodes any of a list of pictures; it can be sent to another process.

    Args:
        examples: Encoded pictures.
        spec: The network's input; its scale, mean and std are left for later.

    """

    examples: Sequence[Example]
    spec: Input

    def decode(self, positions: Sequence[int]) -> Decoded:
        """Read and decode some pictures in the order of their positions; never fails for one of them."""
        raw = _as_pixels(self.spec)
        shape = len(positions), raw.channels, raw.height, raw.width
        pixels_NCHW = np.zeros(shape, dtype=np.uint8)
        problems = []
        for pixels_CHW, position in zip(pixels_NCHW, positions, strict=True):
            try:
                pixels_CHW[...] = _pixels(self.examples[position], raw)
            except DataError as error:
                problems.append(Problem(position, str(error)))
        return Decoded(pixels_NCHW, tuple(problems))


def problem_text(origin: str, error: InputError) -> str:
    """Say what is wrong with a file; one that cameras and programs write often is called by its name."""
    kind = _CAMERA_KINDS.get(Path(origin).suffix.casefold())
    if kind is None or not isinstance(error, UnsupportedImageFormatError):
        return f"{origin}: {error}"
    return f"{origin}: {kind} is not read; convert it to one of {', '.join(error.supported)}."


def _pixels(example: Example, raw: Input) -> NDArray[np.float32] | NDArray[np.float16] | NDArray[np.uint8]:
    try:
        return to_tensor(decode(example.encoded, max_pixels=MAX_PIXELS), raw)
    except InputError as error:
        raise DataError(problem_text(example.origin, error)) from error


def _as_pixels(spec: Input) -> Input:
    """Ask for the same picture as uint8 planes, before scale, mean and std."""
    plain = replace(spec.preprocessing, scale=1.0, mean=(0.0,) * spec.channels, std=(1.0,) * spec.channels)
    return replace(spec, dtype="uint8", layout="NCHW", preprocessing=plain)
