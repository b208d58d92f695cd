"""A small published model for tests: the strongest colour wins, so every answer is known beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.model_folders import COLORS, color_network, picture, write_model
from tests.training.data_sets import folders_in, write_parquet
from training.publication.published import KnownPictures, PublishedModel, open_published, pictures_for
from training.settings import Settings

# red, green and blue as CSS writes them, and a dark green that is called blue: the one mistake
ANSWERS = ("red", "lime", "blue", "#800000", "#008000", "#000080", "#004000")
TRUE = (0, 1, 2, 0, 1, 2, 2)


@dataclass(frozen=True, slots=True)
class Colors:
    """The model, its pictures, and the folders of both.

    Args:
        model: Published.
        pictures: Seven, of which the last has a wrong label.
        settings: Folders.

    """

    model: PublishedModel
    pictures: KnownPictures
    settings: Settings


def write_colors(home: Path, *, names: tuple[str, ...] = COLORS, labels: tuple[int, ...] = TRUE) -> None:
    """Write pictures of one colour each."""
    files = [picture(color, size=(20, 12)) for color in ANSWERS]
    for split in ("train", "test"):
        write_parquet(home / "data" / "colors" / f"{split}.parquet", files, labels, names=names)


@pytest.fixture
def colors(tmp_path: Path) -> Colors:
    """Publish the model beside its pictures."""
    write_model(tmp_path / "models", network=color_network(sharpness=4.0))
    write_colors(tmp_path)
    settings = folders_in(tmp_path)
    model = open_published(tmp_path / "models" / "colors")
    return Colors(model, pictures_for(model, data="colors", split="test", settings=settings), settings)
