"""One app for all tests of a module that leave it as they found it: starting it takes longest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from tests.model_folders import write_model
from tests.service.api.conftest import wait_until_loaded
from tests.service.api.contract import checked_client


@pytest.fixture(scope="module")
def shared_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Serve `colors`, and a second model of one version that was refused."""
    models_dir = tmp_path_factory.mktemp("shared") / "models"
    write_model(models_dir)
    write_model(models_dir, version=2)
    write_model(models_dir, name="broken")
    (models_dir / "broken/1/model.onnx").write_bytes(b"another file than the manifest was written for")
    settings = Settings.model_validate({"models_dir": models_dir, "threads": 2, "max_body_bytes": 100_000})
    with checked_client(create_app(settings)) as client:
        wait_until_loaded(client)
        yield client
