"""Makes small data sets and recipes for tests: pictures that a small network tells apart within seconds.

Three kinds of white shapes at random places on a dark, noisy ground: a bar that lies, a bar that stands, a block.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tests.picture_files import encoded
from training.experiment import Experiment
from training.recipe import Recipe
from training.recipe_file import parse_recipe
from training.settings import Settings

LABELS = ("lying bar", "Standing/bar", "block")
SIDE = 28
_SHAPES = ((4, 20), (20, 4), (10, 10))  # rows and columns of each kind


def shape_picture(kind: int, *, seed: int) -> NDArray[np.uint8]:
    """Draw one picture, [H, W]; equal arguments give equal pixels."""
    chance = np.random.default_rng([kind, seed])
    pixels_HW = chance.integers(0, 60, (SIDE, SIDE), dtype=np.uint8)
    rows, columns = _SHAPES[kind]
    top, left = chance.integers(0, SIDE - rows + 1), chance.integers(0, SIDE - columns + 1)
    pixels_HW[top : top + rows, left : left + columns] = 230
    return pixels_HW


def write_parquet(
    path: Path,
    files: Sequence[bytes],
    labels: Sequence[int],
    *,
    names: Sequence[str] = LABELS,
    columns: tuple[str, str] = ("image", "label"),
) -> None:
    """Write encoded pictures in the layout of the Hugging Face Hub, class names in the schema."""
    picture, label = columns
    features = {picture: {"_type": "Image"}, label: {"names": list(names), "_type": "ClassLabel"}}
    cells = [{"bytes": file, "path": f"{path.stem}-{number}.png"} for number, file in enumerate(files)]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({picture: pa.array(cells, kind), label: pa.array(labels, pa.int64())})
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata(metadata), path)


def write_shapes(folder: Path, *, training: int = 240, test: int = 60) -> Path:
    """Write a data set of shapes with equal numbers of each kind."""
    for split, count, first in (("train", training, 0), ("test", test, 100_000)):
        kinds = [number % len(LABELS) for number in range(count)]
        files = [encoded(shape_picture(kind, seed=first + number)) for number, kind in enumerate(kinds)]
        write_parquet(folder / f"{split}.parquet", files, kinds)
    return folder


def write_class_folders(folder: Path, counts: Mapping[str, int], *, first_seed: int = 0) -> Path:
    """Write pictures into one folder per class; all pictures differ, those of a class have one shape."""
    for number, (name, count) in enumerate(counts.items()):
        place = folder / name.replace("/", "-")
        place.mkdir(parents=True)
        for seed in range(first_seed, first_seed + count):
            (place / f"{seed:03}.png").write_bytes(encoded(shape_picture(number % len(LABELS), seed=seed)))
    return folder


def recipe_tables(**changes: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Give the tables of a recipe for shapes; keyword arguments replace keys of a table."""
    tables: dict[str, dict[str, object]] = {
        "network": {"architecture": "lenet5"},
        "picture": {"size": SIDE, "color_mode": "L"},
        "data": {"name": "shapes", "validation_pictures": 60},
        "training": {"epochs": 3, "batch_size": 20, "threads": 1},
        "optimizer": {"name": "sgd", "learning_rate": 0.05, "weight_decay": 1e-4},
        "schedule": {"name": "cosine", "warmup_share": 0.2},
        "augmentation": {"flip": True, "shift_pixels": 1},
    }
    for name, keys in changes.items():
        tables[name] = {**tables.get(name, {}), **keys}
    return tables


def shape_recipe(**changes: Mapping[str, object]) -> Recipe:
    """Give a recipe for shapes."""
    return parse_recipe(recipe_tables(**changes), source="test")


def experiment(*, seed: int = 1, name: str = "shapes-lenet5", **changes: Mapping[str, object]) -> Experiment:
    """Give a recipe for shapes with a seed."""
    return Experiment(name, shape_recipe(**changes), seed)


def write_recipe(path: Path, **changes: Mapping[str, object]) -> Path:
    """Write a recipe for shapes as a TOML file."""
    lines = []
    for name, keys in recipe_tables(**changes).items():
        lines += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items()), ""]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def folders_in(tmp_path: Path) -> Settings:
    """Give folders that touch nothing outside a test's own."""
    return Settings(data_dirs=(tmp_path / "data",), runs_dir=tmp_path / "runs", models_dir=tmp_path / "models")
