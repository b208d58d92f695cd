"""What the tests of training share: a small data set, one run of the whole road, one processor thread."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric

from tests.training.data_sets import experiment, folders_in, write_recipe, write_shapes
from training.__main__ import main
from training.data import open_data
from training.data.splits import Splits, make_splits
from training.learning.devices import DeviceChoice, start
from training.results.report import Report, read_report
from training.settings import Settings

PUBLICATION = {
    "model": "shapes",
    "title": "Shapes",
    "description": "Tells shapes apart.",
    "license": "mit",
    "samples": "test",
}


@dataclass(frozen=True, slots=True)
class Road:
    """What one call of `python -m training train` left.

    Args:
        settings: The folders it used.
        recipe: The recipe file.
        run: The run's folder.
        model: The published version.
        status: Exit status.
        output: What it printed.

    """

    settings: Settings
    recipe: Path
    run: Path
    model: Path
    status: int
    output: str

    @property
    def arguments(self) -> list[str]:
        """Arguments that point a command at the same folders."""
        return folder_arguments(self.settings)

    @property
    def report(self) -> Report:
        """The run's report."""
        return read_report(self.run / "report.json")


def folder_arguments(settings: Settings) -> list[str]:
    """Write folders as arguments of the command line."""
    return [
        *("--data-dir", str(settings.data_dirs[0])),
        *("--runs-dir", str(settings.runs_dir)),
        *("--models-dir", str(settings.models_dir)),
    ]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Give each test one thread: small networks gain nothing from more, and sums keep their order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def fabric() -> Fabric:
    """Fabric on one processor."""
    return start(DeviceChoice(device="cpu"))


@pytest.fixture(scope="session")
def shapes_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the set `shapes`."""
    folder = tmp_path_factory.mktemp("data")
    write_shapes(folder / "shapes")
    return folder


@pytest.fixture
def settings(tmp_path: Path, shapes_dir: Path) -> Settings:
    """Fresh folders beside the shared data."""
    fresh = folders_in(tmp_path)
    return Settings(data_dirs=(shapes_dir,), runs_dir=fresh.runs_dir, models_dir=fresh.models_dir)


@pytest.fixture(scope="session")
def splits(shapes_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Splits:
    """The shapes, decoded and divided."""
    folders = Settings(
        data_dirs=(shapes_dir,), runs_dir=tmp_path_factory.mktemp("runs"), models_dir=tmp_path_factory.mktemp("models")
    )
    return make_splits(open_data("shapes", settings=folders), recipe=experiment().recipe)


@pytest.fixture(scope="session")
def road(shapes_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Road:
    """The whole road, once: a recipe trained, exported, evaluated and published by the command line."""
    home = tmp_path_factory.mktemp("road")
    folders = Settings(data_dirs=(shapes_dir,), runs_dir=home / "runs", models_dir=home / "models")
    recipe = write_recipe(home / "shapes-lenet5.toml", publication=PUBLICATION, training={"epochs": 6})
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        status = main(["train", str(recipe), "--device", "cpu", *folder_arguments(folders)])
    return Road(
        settings=folders,
        recipe=recipe,
        run=folders.runs_dir / "shapes-lenet5" / "seed-1",
        model=folders.models_dir / "shapes" / "1",
        status=status,
        output=output.getvalue(),
    )
