"""`tests.benchmarks.serving.picture_making`: pictures of each kind, the same in every run."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.benchmarks.serving.materials import PICTURES, PictureKind
from tests.benchmarks.serving.picture_making import make, picture

SMALL = PictureKind("small", (40, 30), "JPEG", quality=95)


def photograph(color: str = "red", size: tuple[int, int] = (30, 50)) -> bytes:
    """Encode a portrait with a stripe."""
    image = Image.new("RGB", size, color)
    image.paste((0, 0, 255), (0, 0, 5, size[1]))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


@pytest.mark.parametrize("kind", [kind for kind in PICTURES if max(kind.size) < 1000])
def test_picture_has_size_and_format_of_its_kind(kind: PictureKind) -> None:
    """Whatever the photograph's shape, the middle is cut out and brought to the size."""
    with Image.open(io.BytesIO(picture(photograph(), kind, chance=np.random.default_rng(0)))) as image:
        assert (image.size, image.format) == (kind.size, kind.format)


def test_noise_is_the_same_in_every_run_and_makes_files_larger() -> None:
    """Figures of two runs are about the same bytes."""
    noisy = dataclasses.replace(SMALL, noise=5.0)
    first, second = (picture(photograph(), noisy, chance=np.random.default_rng(1)) for _ in range(2))
    assert first == second
    assert len(first) > len(picture(photograph(), SMALL, chance=np.random.default_rng(1)))


def test_kind_that_is_there_is_kept_and_one_that_is_missing_is_made_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was interrupted goes on where it stopped, and leaves nothing half made."""
    kept, missing = dataclasses.replace(SMALL, name="kept"), dataclasses.replace(SMALL, name="missing", count=2)
    monkeypatch.setattr("tests.benchmarks.serving.picture_making.PICTURES", (kept, missing))
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "0.jpeg").write_bytes(b"as it was")
    make(tmp_path, [photograph("red"), photograph("green"), photograph("white")])
    assert (tmp_path / "kept" / "0.jpeg").read_bytes() == b"as it was"
    assert sorted(path.name for path in (tmp_path / "missing").iterdir()) == ["0.jpeg", "1.jpeg"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "missing"]
