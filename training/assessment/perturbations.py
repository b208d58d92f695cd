"""What happens to pictures in the world: moved, resized, tilted, greyed, noisy, squeezed, blurred; at a few strengths.

Every change works on the decoded picture before the serving preprocessing, so it means the same for any model. Lengths
are shares of the picture's shorter side. Chance comes from a generator that the caller seeds.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Pixels = NDArray[np.uint8]
Change = Callable[[Pixels, float, np.random.Generator], Pixels]

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow turns colours into grey


@dataclass(frozen=True, slots=True)
class Perturbation:
    """One kind of change.

    Args:
        name: For files and tables.
        title: What is done, and in which unit its strengths are.
        strengths: Mildest first.
        labels: The strengths in words.
        change: From pixels_HWC, a strength and a generator to pixels_HWC.

    """

    name: str
    title: str
    strengths: tuple[float, ...]
    labels: tuple[str, ...]
    change: Change


def shift(pixels_HWC: Pixels, share: float, chance: np.random.Generator) -> Pixels:
    """Move by a share of the shorter side, at least a pixel, in a direction by chance; border pixels are repeated."""
    angle = chance.uniform(0, 2 * np.pi)
    length = max(1.0, share * min(pixels_HWC.shape[:2]))
    down, right = round(length * np.sin(angle)), round(length * np.cos(angle))
    rows = np.clip(np.arange(pixels_HWC.shape[0]) - down, 0, pixels_HWC.shape[0] - 1)
    columns = np.clip(np.arange(pixels_HWC.shape[1]) - right, 0, pixels_HWC.shape[1] - 1)
    moved_HWC: Pixels = pixels_HWC[rows[:, None], columns]
    return moved_HWC


def scale(pixels_HWC: Pixels, factor: float, _chance: np.random.Generator) -> Pixels:
    """Show the middle larger, or the whole smaller (antialiased) with its border pixels repeated around it."""
    height, width = pixels_HWC.shape[:2]
    image = Image.fromarray(pixels_HWC)
    if factor >= 1:
        inset_x, inset_y = (width - width / factor) / 2, (height - height / factor) / 2
        box = (inset_x, inset_y, width - inset_x, height - inset_y)
        return np.array(image.resize((width, height), Image.Resampling.BILINEAR, box=box))
    inner = max(1, round(width * factor)), max(1, round(height * factor))
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    around = ((top, height - inner[1] - top), (left, width - inner[0] - left), (0, 0))
    return np.pad(np.array(image.resize(inner, Image.Resampling.BILINEAR)), around, mode="edge")


def rotate(pixels_HWC: Pixels, degrees: float, chance: np.random.Generator) -> Pixels:
    """Tilt around the middle, to a side by chance; border pixels are repeated."""
    angle = np.deg2rad(degrees) * chance.choice([-1, 1])
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = (np.array(pixels_HWC.shape[:2]) - 1) / 2
    planes = [
        ndimage.affine_transform(
            pixels_HWC[:, :, channel].astype(np.float32), matrix, middle - matrix @ middle, order=1, mode="nearest"
        )
        for channel in range(3)
    ]
    return _bytes(np.stack(planes, axis=2))


def grey(pixels_HWC: Pixels, share: float, _chance: np.random.Generator) -> Pixels:
    """Take a share of the colour out."""
    luma_HW1 = (pixels_HWC @ np.array(_LUMA))[:, :, None]
    return _bytes(pixels_HWC + share * (luma_HW1 - pixels_HWC))


def noise(pixels_HWC: Pixels, deviation: float, chance: np.random.Generator) -> Pixels:
    """Add normal noise; `deviation` in units of 0..1. Grey pictures stay grey."""
    channels = 1 if _is_grey(pixels_HWC) else 3
    noise_HWC = chance.normal(0, 255 * deviation, (*pixels_HWC.shape[:2], channels))
    return _bytes(pixels_HWC + noise_HWC)


def jpeg(pixels_HWC: Pixels, quality: float, _chance: np.random.Generator) -> Pixels:
    """Write as JPEG and read again."""
    stream = io.BytesIO()
    Image.fromarray(pixels_HWC).save(stream, "JPEG", quality=int(quality))
    return np.array(Image.open(stream).convert("RGB"))


def blur(pixels_HWC: Pixels, share: float, _chance: np.random.Generator) -> Pixels:
    """Blur as a lens out of focus does; the normal curve's deviation is a share of the shorter side."""
    deviation = share * min(pixels_HWC.shape[:2])
    blurred_HWC = ndimage.gaussian_filter(pixels_HWC.astype(np.float32), (deviation, deviation, 0), mode="nearest")
    return _bytes(blurred_HWC)


def _is_grey(pixels_HWC: Pixels) -> bool:
    return bool((pixels_HWC == pixels_HWC[:, :, :1]).all())


def _bytes(values_HWC: NDArray[np.float32] | NDArray[np.float64]) -> Pixels:
    pixels_HWC: Pixels = np.clip(np.rint(values_HWC), 0, 255).astype(np.uint8)
    return pixels_HWC


PERTURBATIONS: Final = (
    Perturbation("shift", "shift (of the side)", (0.05, 0.1, 0.2), ("5 %", "10 %", "20 %"), shift),
    Perturbation("scale", "scale", (0.7, 0.85, 1.15, 1.3), ("0.7", "0.85", "1.15", "1.3"), scale),
    Perturbation("rotation", "rotation", (5, 15, 30), ("5°", "15°", "30°"), rotate),
    Perturbation("grey", "colour taken out", (0.5, 1.0), ("50 %", "100 %"), grey),
    Perturbation("noise", "noise (deviation)", (0.02, 0.05, 0.1), ("2 %", "5 %", "10 %"), noise),
    Perturbation("jpeg", "JPEG (quality)", (75, 40, 15), ("75", "40", "15"), jpeg),
    Perturbation("blur", "blur (of the side)", (0.02, 0.04, 0.08), ("2 %", "4 %", "8 %"), blur),
)
