"""What `GET /models...` tells."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from service.api.schemas import ModelDetail, ModelList, VersionDetail
from service.app import create_app
from service.artifact import load_manifest, manifest_as_json
from service.errors import ConfigurationError
from service.settings import Settings
from tests.model_folders import COLORS, color_network, write_model
from tests.service.api.conftest import Serve


def test_list_names_models_versions_and_the_default(tmp_path: Path, serve: Serve) -> None:
    """The newest version is live, older ones are available, and the model named cifar10 is the default."""
    write_model(tmp_path / "models", name="cifar10", version=1)
    write_model(tmp_path / "models", name="cifar10", version=12)
    write_model(tmp_path / "models", name="other")
    models = ModelList.model_validate(serve().get("/models").json()).models
    assert [(model.name, model.default, model.live_version) for model in models] == [
        ("cifar10", True, 12),
        ("other", False, 1),
    ]
    assert [(version.version, version.state) for version in models[0].versions] == [(12, "ready"), (1, "available")]


def test_bad_newest_version_leaves_the_older_one_live(tmp_path: Path, serve: Serve) -> None:
    """A broken publication takes nothing away, and its reason can be read."""
    write_model(tmp_path / "models", version=1)
    write_model(tmp_path / "models", version=2, network=color_network(external_data="weights.bin"))
    client = serve()
    detail = ModelDetail.model_validate(client.get("/models/colors").json())
    assert (detail.live_version, detail.labels) == (1, list(COLORS))
    assert "external data" in detail.versions[0].reason
    assert client.get("/readyz").status_code == 200


def test_version_shows_its_manifest_and_the_provider_in_use(client: TestClient, tmp_path: Path) -> None:
    """What runs and where it came from can be read without the disk."""
    detail = VersionDetail.model_validate(client.get("/models/colors/versions/1").json())
    assert (detail.state, detail.provider, detail.precision) == ("ready", "cpu", "fp32")
    assert detail.manifest == manifest_as_json(load_manifest(tmp_path / "models/colors/1/manifest.json"))
    assert detail.capacity is not None
    assert detail.capacity >= 4


def test_version_that_was_not_loaded_shows_its_state(tmp_path: Path, serve: Serve) -> None:
    """An older version exists, does not answer, and says so."""
    write_model(tmp_path / "models", version=1)
    write_model(tmp_path / "models", version=2)
    client = serve()
    detail = VersionDetail.model_validate(client.get("/models/colors/versions/1").json())
    assert (detail.state, detail.provider, detail.manifest) == ("available", None, None)
    refused = client.post("/models/colors/versions/1/predict", content=b"x")
    assert (refused.status_code, refused.json()["live"]) == (404, 2)


def test_unknown_model_and_version_are_404(client: TestClient) -> None:
    """Both answers name what there is."""
    assert client.get("/models/nobody").json()["known"] == ["colors"]
    assert client.get("/models/colors/versions/7").json()["known"] == [1]


@pytest.mark.parametrize("version", ["0", "x", "1.5", str(2**31)])
def test_version_that_is_no_whole_number_is_422(client: TestClient, version: str) -> None:
    """The answer shows what came."""
    answer = client.get(f"/models/colors/versions/{version}")
    assert answer.status_code == 422
    assert repr(version) in answer.json()["detail"]


@pytest.mark.parametrize("form", ["wide", "both"])
def test_a_form_that_the_machine_cannot_give_is_refused_at_start(tmp_path: Path, form: str) -> None:
    """On a single thread there is nothing to widen, and the message says what to change."""
    write_model(tmp_path / "models")
    settings = Settings.model_validate({"models_dir": tmp_path / "models", "threads": 1, "form": form})
    with pytest.raises(ConfigurationError, match=rf"CONVSERVE_FORM={form} .* CONVSERVE_THREADS"):
        create_app(settings)


def test_a_version_shows_the_form_it_runs_in_and_why(tmp_path: Path, serve: Serve) -> None:
    """A pinned form is told as pinned; what was measured comes with its figures."""
    write_model(tmp_path / "models")
    client = serve(form="narrow")
    for _ in range(1000):
        tuning = client.get("/models/colors/versions/1").json()["tuning"]
        if tuning["because"] != "default":
            break
    assert tuning == {"form": "narrow", "batch": 1, "because": "pinned", "measurements": []}
