"""What a service is with keys, without, and with files of keys that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from service.app import create_app
from service.errors import ConfigurationError
from service.settings import Settings
from tests.model_folders import picture, write_model
from tests.service.api.conftest import Serve
from tests.service.api.test_health import value

RED = picture("red")


def key_file(folder: Path, name: str) -> Path:
    """Write a file with one key."""
    path = folder / name
    path.write_text("somebody: a-key-of-some-length\n")
    path.chmod(0o600)
    return path


def test_without_keys_nothing_is_asked_for_and_nothing_is_said(tmp_path: Path, serve: Serve) -> None:
    """The default: anyone may, no header tells of limits, and the document knows of no keys."""
    write_model(tmp_path / "models")
    client = serve()
    answer = client.post("/predict", content=RED, headers={"authorization": "Bearer any-key-at-all-will-do"})
    assert answer.status_code == 200
    assert "ratelimit" not in answer.headers
    document = client.get("/openapi.json").json()
    assert "securitySchemes" not in document["components"]
    assert "401" not in document["paths"]["/predict"]["post"]["responses"]


def test_an_admin_key_alone_leaves_the_service_open(tmp_path: Path, serve: Serve) -> None:
    """Which the metrics say where it is reachable."""
    write_model(tmp_path / "models")
    client = serve(host="0.0.0.0", admin_key_file=key_file(tmp_path, "admin"))
    assert client.post("/predict", content=RED).status_code == 200
    assert value(client, "convserve_unauthenticated") == 1


def test_a_service_with_keys_is_not_called_open(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever address it listens on."""
    write_model(tmp_path / "models")
    app = create_app(Settings(models_dir=tmp_path / "models", host="0.0.0.0", api_keys_file=key_file(tmp_path, "api")))
    with TestClient(app) as client:
        assert value(client, "convserve_unauthenticated") == 0
    assert "anyone" not in caplog.text


def test_a_file_of_keys_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    """A service does not come up open because its keys are broken."""
    write_model(tmp_path / "models")
    for name in ("api_keys_file", "admin_key_file"):
        with pytest.raises(ConfigurationError, match=r"nothing: cannot be read \(No such file"):
            create_app(Settings.model_validate({"models_dir": tmp_path / "models", name: tmp_path / "nothing"}))
