"""What the tests of this room share: a loader for real model folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.engine.scheduler import Scheduler
from service.repository.loading import Loader
from service.repository.registry import Registry
from service.settings import Settings
from service.telemetry.metrics import Metrics


@pytest.fixture
def metrics() -> Metrics:
    """Make series of one process."""
    return Metrics(version="0", runtime={})


@pytest.fixture
def make_loader(metrics: Metrics) -> Callable[..., Loader]:
    """Make a loader with settings of the test; its scheduler's threads do not run."""

    def make(**settings: Any) -> Loader:
        return Loader(settings=Settings(**settings), scheduler=Scheduler(threads=2), series=metrics.model)

    return make


@pytest.fixture
def make_registry(tmp_path: Path, metrics: Metrics, make_loader: Callable[..., Loader]) -> Callable[..., Registry]:
    """Make a registry over the folder of the test."""

    def make(*, loader: Loader | None = None, **settings: Any) -> Registry:
        settings = {"models_dir": tmp_path, **settings}
        return Registry(Settings(**settings), loader=loader or make_loader(**settings), series=metrics.model)

    return make
