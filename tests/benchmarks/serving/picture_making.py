"""Makes the pictures that are sent: CC0 photographs of clothing, brought to three sizes.

The photographs come from the data folder (`CONVSERVE_DATA_DIR`, set `clothing`), so nothing here is drawn by a program.
`python -m tests.benchmarks.serving.picture_making WORK`.

Axes: H rows, W columns, C channels.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageOps

from tests.benchmarks.serving.materials import PICTURES, PictureKind
from tests.benchmarks.serving.workplace import Workplace
from training.data import open_data
from training.settings import from_environment

_SEED: Final = 20
_LOOKED_AT: Final = 10  # the largest files, so many for each that is chosen


def make(folder: Path, photographs: Sequence[bytes]) -> None:
    """Write every kind that is missing into a folder of its own, which appears when it is complete."""
    for kind in PICTURES:
        if (folder / kind.name).is_dir():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder))
        chance = np.random.default_rng(_SEED)
        for number, photograph in enumerate(photographs[: kind.count]):
            data = picture(photograph, kind, chance=chance)
            (unfinished / f"{number}.{kind.format.lower()}").write_bytes(data)
        unfinished.rename(folder / kind.name)


def picture(photograph: bytes, kind: PictureKind, *, chance: np.random.Generator) -> bytes:
    """Make one picture."""
    whole = Image.open(io.BytesIO(photograph)).convert("RGB")
    image = ImageOps.fit(whole, kind.size, Image.Resampling.LANCZOS)
    if kind.noise:
        values_HWC = np.asarray(image, dtype=np.float32)
        values_HWC = values_HWC + chance.standard_normal(values_HWC.shape, dtype=np.float32) * kind.noise
        image = Image.fromarray(values_HWC.clip(0, 255).round().astype(np.uint8))
    stream = io.BytesIO()
    image.save(stream, kind.format, **({"quality": kind.quality} if kind.quality else {}))
    return stream.getvalue()


def most_detailed(count: int) -> list[bytes]:
    """Choose photographs that stay detailed when they are enlarged; most others compress to half of what a photo takes.

    Raises:
        DataError: The set is nowhere.

    """
    examples = open_data("clothing", settings=from_environment()).examples("train")
    largest = sorted((example.encoded for example in examples), key=len, reverse=True)[: count * _LOOKED_AT]
    chance = np.random.default_rng(_SEED)
    return sorted(largest, key=lambda data: len(picture(data, PICTURES[0], chance=chance)), reverse=True)[:count]


if __name__ == "__main__":
    make(Workplace.at(Path(sys.argv[1])).pictures, most_detailed(max(kind.count for kind in PICTURES)))
