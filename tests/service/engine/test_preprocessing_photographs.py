"""Real photographs of twelve megapixels: fast decoding stays within what a manifest promises of it.

They are enlarged, with a little noise as a sensor adds it, from a set that is not part of the project;
CONVSERVE_TEST_DATA says where it lies.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from PIL import Image

from service.engine.preprocessing import Picture, decode, reduction_for, to_tensor
from tests.picture_files import PIXEL_LIMIT, encoded, input_of

FOLDER: Final = Path(os.environ.get("CONVSERVE_TEST_DATA", "../shared/data")) / "clothing"
SPECS: Final[dict[str, dict[str, Any]]] = {
    "imagenet": {"width": 224, "height": 224, "rule": "shorter_side", "size": 256},
    "exact": {"width": 224, "height": 224},
    "bicubic": {"width": 256, "height": 256, "rule": "shorter_side", "size": 258, "interpolation": "bicubic"},
    "lanczos": {"width": 224, "height": 224, "rule": "letterbox", "interpolation": "lanczos"},
    "grey": {"width": 28, "height": 28, "color_mode": "L", "layout": "NHW"},
}

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"{FOLDER} is not there; CONVSERVE_TEST_DATA names the folder that holds clothing"
)


def photographs(count: int) -> list[bytes]:
    """Read the first pictures of the set's test split."""
    from pyarrow import parquet

    (file,) = sorted(FOLDER.glob("test*.parquet"))
    return [row["image"]["bytes"] for row in parquet.read_table(file).slice(0, count).to_pylist()]


def enlarged(data: bytes, *, seed: int) -> bytes:
    """Make a file of 4000 x 3000 as a camera would."""
    with Image.open(io.BytesIO(data)) as image:
        pixels = np.asarray(image.convert("RGB").resize((4000, 3000), Image.Resampling.LANCZOS), dtype=np.int16)
    noise = np.random.default_rng(seed).normal(0, 4, pixels.shape).astype(np.int16)
    return encoded(np.clip(pixels + noise, 0, 255).astype(np.uint8), "JPEG", quality=88)


@pytest.fixture(scope="module", params=range(2))
def pair(request: pytest.FixtureRequest) -> tuple[bytes, Picture]:
    """Make a large photograph, and decode it exactly once for all tests."""
    data = enlarged(photographs(2)[request.param], seed=request.param)
    return data, decode(data, max_pixels=PIXEL_LIMIT)


@pytest.mark.parametrize("name", SPECS)
def test_the_tensor_of_a_large_photograph_differs_by_no_more_than_promised(
    pair: tuple[bytes, Picture], name: str
) -> None:
    """A quarter of the file's pixels in each direction is enough: mean difference 0.25 of 255, largest 4."""
    data, exact = pair
    spec = input_of(**SPECS[name])
    fast = decode(data, max_pixels=PIXEL_LIMIT, reduction=reduction_for(spec))
    assert (fast.reduction, fast.image.size) == (4, (1000, 750))
    difference = np.abs(to_tensor(fast, spec).astype(float) - to_tensor(exact, spec).astype(float))
    assert difference.mean() <= 0.25
    assert difference.max() <= 4
