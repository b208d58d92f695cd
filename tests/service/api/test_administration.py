"""What an administrator does over HTTP: every act answers with what is then true, or says what stands in its way."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.api.schemas import ModelDetail, VersionDetail
from tests.model_folders import picture, write_model
from tests.service.api.conftest import Serve

KEY = "the-key-of-operations"
ADMIN = {"authorization": f"Bearer {KEY}"}
RED = picture("red")


@pytest.fixture
def client(tmp_path: Path, serve: Serve) -> TestClient:
    """Two versions of a model, the second of them live, and an administrator's key."""
    for version in (1, 2):
        write_model(tmp_path / "models", version=version)
    (tmp_path / "admin").write_text(f"ops: {KEY}\n")
    return serve(admin_key_file=tmp_path / "admin")


def damage(folder: Path) -> None:
    """Change the network."""
    data = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(bytes(len(data)))


def act(client: TestClient, path: str, body: object = None, *, method: str = "POST") -> Any:
    """Ask as the administrator."""
    return client.request(method, f"/models/colors{path}", json=body, headers=ADMIN)


def answering(client: TestClient, path: str = "") -> int:
    """Ask which version answers."""
    answer = client.post(f"/models/colors{path}/predict", content=RED)
    assert answer.status_code == 200, answer.text
    version: int = answer.json()["model"]["version"]
    return version


def test_a_version_can_be_loaded_beside_the_live_one_and_unloaded_again(client: TestClient) -> None:
    """Requests can name it in between."""
    loaded = VersionDetail.model_validate(act(client, "/versions/1/load").json())
    assert (loaded.version, loaded.state, loaded.provider) == (1, "ready", "cpu")
    assert (answering(client), answering(client, "/versions/1")) == (2, 1)
    unloaded = VersionDetail.model_validate(act(client, "/versions/1/unload").json())
    assert (unloaded.state, unloaded.provider) == ("available", None)
    assert client.post("/models/colors/versions/1/predict", content=RED).status_code == 404


def test_a_chosen_version_answers_until_the_choice_is_given_back(client: TestClient) -> None:
    """The answer shows what is live and what is pinned."""
    chosen = ModelDetail.model_validate(act(client, "/default", {"version": 1}).json())
    assert (chosen.live_version, chosen.traffic.live, chosen.traffic.pinned, chosen.traffic.previous) == (1, 1, 1, 2)
    assert answering(client) == 1
    newest = ModelDetail.model_validate(act(client, "/default", {"version": None}).json())
    assert (newest.live_version, newest.traffic.pinned) == (2, None)
    assert answering(client) == 2


def test_a_canary_answers_its_share(client: TestClient) -> None:
    """All of it here, so that chance has no say; afterwards none."""
    split = act(client, "/traffic", {"canary": {"version": 1, "share": 1.0}}, method="PUT")
    assert ModelDetail.model_validate(split.json()).traffic.model_dump() == {
        "live": 2,
        "canary": {"version": 1, "share": 1.0},
        "shadow": None,
        "pinned": None,
        "candidate": None,
        "previous": None,
    }
    assert (answering(client), answering(client, "/versions/2")) == (1, 2)
    assert act(client, "/traffic", {}, method="PUT").json()["traffic"]["canary"] is None
    assert answering(client) == 2


@pytest.mark.parametrize(
    ("route", "body", "status", "says"),
    [
        ("POST /versions/7/load", None, 404, "Model 'colors' has no version 7; known versions: 2, 1."),
        ("POST /versions/0/load", None, 422, "greater than or equal to 1"),
        ("POST /versions/2/unload", None, 409, "Version 2 of model 'colors' is live; let another version answer"),
        ("POST /default", {"version": 7}, 404, "known versions: 2, 1"),
        ("POST /default", {}, 422, "version"),
        ("POST /default", {"version": "newest"}, 422, "integer"),
        ("POST /default", {"version": 10**30}, 422, "version"),
        ("POST /default", {"version": 1, "force": True}, 422, "force"),
        ("PUT /traffic", {"canary": {"version": 2, "share": 0.5}}, 409, "Version 2 of model 'colors' is live"),
        ("PUT /traffic", {"canary": {"version": 1, "share": 1.5}}, 422, "less than or equal to 1"),
        ("PUT /traffic", {"canary": {"version": 1, "share": 0}}, 422, "greater than 0"),
        ("PUT /traffic", {"canary": {"version": 1}}, 422, "share"),
        ("PUT /traffic", {"shadow": 7}, 404, "known versions: 2, 1"),
    ],
)
def test_what_cannot_be_done_says_why_and_changes_nothing(
    client: TestClient, route: str, body: object, status: int, says: str
) -> None:
    """In the one form of all problems."""
    before = client.get("/models/colors").json()
    method, path = route.split()
    answer = act(client, path, body, method=method)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert says in answer.json()["detail"]
    assert client.get("/models/colors").json() == before


def test_a_version_that_fails_is_a_conflict_with_the_reason(tmp_path: Path, client: TestClient) -> None:
    """It shows no folder of this machine, and stands there for whoever looks later."""
    damage(tmp_path / "models" / "colors" / "1")
    for path, body in (("/versions/1/load", None), ("/default", {"version": 1})):
        answer = act(client, path, body)
        assert answer.status_code == 409
        assert answer.json()["type"].endswith("version-refused")
        assert "model.onnx: sha256 is" in answer.json()["detail"]
        assert str(tmp_path) not in answer.text
    assert answering(client) == 2
    assert client.get("/readyz").status_code == 200
    versions = {each["version"]: each for each in client.get("/models/colors").json()["versions"]}
    assert versions[1]["state"] == "refused"
    assert "sha256" in versions[1]["reason"]


def test_every_act_leaves_a_line_for_the_audit(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    """Who, what, on what, and what came of it."""
    caplog.set_level(logging.INFO, "convserve.audit")
    act(client, "/default", {"version": 1})
    act(client, "/versions/7/load")
    client.post("/models/colors/versions/1/load")
    done, failed, refused = [
        vars(record)["convserve_fields"] for record in caplog.records if record.name == "convserve.audit"
    ]
    assert (done["key"], done["outcome"], done["target"]) == ("ops", "done", {"name": "colors", "version": 1})
    assert (failed["outcome"], failed["status"]) == ("failed", 404)
    assert (refused["key"], refused["outcome"], refused["status"]) == (None, "refused", 401)


def test_without_an_administrators_key_there_are_no_such_routes(tmp_path: Path, serve: Serve) -> None:
    """Nobody learns that they could exist."""
    write_model(tmp_path / "models")
    client = serve()
    for method, path in (("POST", "/versions/1/load"), ("POST", "/default"), ("PUT", "/traffic")):
        assert act(client, path, {"version": 1}, method=method).status_code == 404
    assert not [path for path in client.get("/openapi.json").json()["paths"] if path.endswith(("/load", "/traffic"))]
