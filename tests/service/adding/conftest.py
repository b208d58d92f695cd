"""Adds networks to a folder of the test, and asks the models for answers through the engine that serves them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest

from service.adding.add import Added, add
from service.adding.told import Told
from service.engine.predictor import Classifier, Sent
from service.engine.scheduler import Scheduler
from service.repository.loading import Loader
from service.repository.store import StoredVersion
from service.settings import Settings
from service.telemetry.metrics import Metrics
from tests.foreign_networks import write
from tests.model_folders import picture

Bring = Callable[..., Added]
RGB = ("red", "green", "blue")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Serve a models folder that is not there yet."""
    return Settings(models_dir=tmp_path / "models")


@pytest.fixture
def bring(tmp_path: Path, settings: Settings) -> Bring:
    """Add a network under the name `colors`, with flags of the test."""

    def run(model: onnx.ModelProto | Path, **flags: Any) -> Added:
        path = model if isinstance(model, Path) else write(model, tmp_path / "network.onnx")
        return add(path, Told(**{"name": "colors", **flags}), settings=settings)

    return run


@pytest.fixture
def labels_file(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of labels, one a line."""

    def make(*labels: str) -> Path:
        path = tmp_path / "labels.txt"
        path.write_text("\n".join(labels) + "\n", encoding="utf-8")
        return path

    return make


def loaded(stored: StoredVersion) -> Classifier:
    """Load a version as the service does, golden sample included."""
    series = Metrics(version="", runtime={}).model
    return Loader(settings=Settings(), scheduler=Scheduler(threads=1), series=series).load(stored).classifier


def answers(added: Added, *colors: str | tuple[int, int, int]) -> list[str]:
    """Classify pictures of one colour in one run, and name the most probable class of each."""
    classifier = loaded(added.stored)
    found = classifier.classify_each([Sent(picture(color)) for color in colors], alone=False)
    return [added.manifest.labels[each.probabilities.argmax()] for each in found]  # type: ignore[union-attr]  # none fails
