"""Keys and limits at the door of the real app: who gets in, what refusals look like, and what the log says."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from starlette.requests import Request
from starlette.testclient import TestClient

from service.api.responses import problems
from service.api.security import AdminRoute, KeyedRoute, include_routers, note
from service.app import create_app
from service.errors import ModelNotReadyError
from service.settings import Settings
from tests.model_folders import picture, write_model
from tests.service.api.contract import checked_client
from tests.service.api.test_health import value

RED: Final = picture("red")
PHONE: Final = "the-key-of-the-phone"
BATCH: Final = "the-key-of-the-batch"
OPS: Final = "the-key-of-operations"
HEALTH: Final = {"/livez", "/readyz", "/healthz", "/v2/health/live", "/v2/health/ready", "/ping"}
ACTS: Final = ("/act", "/load", "/unload", "/default", "/traffic")
OPEN: Final = {*HEALTH, "/metrics", "/docs", "/docs/assets", "/openapi.json"}


def bearer(key: str) -> dict[str, str]:
    """Make the header that shows a key."""
    return {"authorization": f"Bearer {key}"}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Write two API keys, one admin key and a model."""
    write_model(tmp_path / "models")
    files = {"api_keys_file": tmp_path / "api", "admin_key_file": tmp_path / "admin"}
    files["api_keys_file"].write_text(f"phone: {PHONE} 3/day\nbatch: {BATCH}\n")
    files["admin_key_file"].write_text(f"ops: {OPS}\n")
    return files


class Change(BaseModel):
    """Body of the admin route under test."""

    version: int


def admin_router() -> APIRouter:
    """Make the kind of router that other rooms have: one act that works, one that fails, one that nobody foresaw."""
    router = APIRouter(route_class=AdminRoute)

    @router.post("/models/{name}/act", responses=problems(503))
    async def act(request: Request, name: str, change: Change) -> dict[str, Any]:
        note(request, version=change.version)
        if name == "loading":
            raise ModelNotReadyError(name, state="loading", retry_after_s=1)
        if name == "odd":
            raise RuntimeError("an odd thing")
        return {"name": name}

    return router


@pytest.fixture
def app(files: dict[str, Path], tmp_path: Path) -> FastAPI:
    """Build the app with keys, and one admin route beside its own."""
    app = create_app(Settings.model_validate({"models_dir": tmp_path / "models", "threads": 2, **files}))
    include_routers(app, admin_router(), access=app.state.context.access)
    app.openapi_schema = None
    return app


@pytest.fixture
def client(app: FastAPI) -> Any:
    """Serve it."""
    with checked_client(app) as client:
        while any(
            model["state"] == "loading" for model in client.get("/models", headers=bearer(BATCH)).json()["models"]
        ):
            pass
        yield client


def audits(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Read the audit lines."""
    return [vars(record)["convserve_fields"] for record in caplog.records if record.name == "convserve.audit"]


def accesses(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Read the access lines."""
    return [vars(record)["convserve_fields"] for record in caplog.records if record.message == "request"]


def test_every_route_is_guarded_or_meant_to_be_open(app: FastAPI) -> None:
    """Whoever adds a route decides; nothing is open because somebody forgot."""
    for context in iter_route_contexts(app.routes):
        is_guarded = isinstance(context.original_route, (KeyedRoute, AdminRoute))
        assert is_guarded != (context.path in OPEN), context.path


@pytest.mark.parametrize("url", sorted(OPEN - {"/docs/assets"}))
def test_health_metrics_and_documentation_need_no_key(client: TestClient, url: str) -> None:
    """Monitors and people who look things up have none."""
    assert client.get(url).status_code == 200


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("GET", "/models"),
        ("GET", "/models/colors"),
        ("GET", "/models/nobody"),
        ("GET", "/models/colors/versions/1"),
        ("GET", "/models/colors/versions/one"),
        ("POST", "/predict"),
        ("POST", "/predict?top_k=0"),
        ("POST", "/models/colors/predict"),
        ("POST", "/models/colors/versions/1/predict"),
        ("POST", "/huggingface/colors"),
    ],
)
def test_what_classifies_or_describes_needs_a_key(client: TestClient, method: str, url: str) -> None:
    """And without one says nothing of models or parameters: 401 comes before 404 and 422."""
    refused = client.request(method, url, content=RED)
    assert (refused.status_code, refused.json()["type"]) == (401, "urn:convserve:problem:missing-key")
    assert refused.headers["www-authenticate"] == 'Bearer realm="convserve"'
    assert refused.headers["content-type"] == "application/problem+json"
    assert client.request(method, url, content=RED, headers=bearer(BATCH)).status_code != 401


@pytest.mark.parametrize(
    ("header", "slug"),
    [
        (None, "missing-key"),
        ("", "missing-key"),
        ("Bearer", "missing-key"),
        ("Bearer ", "missing-key"),
        (f"Basic {BATCH}", "missing-key"),
        (BATCH, "missing-key"),
        (f"Bearer {BATCH}x", "unknown-key"),
        (f"Bearer {BATCH} {BATCH}", "unknown-key"),
        (f"Bearer {BATCH},", "unknown-key"),
        (f"Bearer {'x' * 5000}", "unknown-key"),
        ("Bearer \xff\xfe", "unknown-key"),
    ],
)
def test_a_header_that_shows_no_known_key_is_refused(client: TestClient, header: str | None, slug: str) -> None:
    """Its error is told as RFC 6750 says, and its content is not repeated."""
    headers = {} if header is None else {"authorization": header.encode("latin-1")}
    refused = client.post("/predict", content=RED, headers=headers)  # type: ignore[arg-type]  # bytes are allowed
    assert (refused.status_code, refused.json()["type"]) == (401, f"urn:convserve:problem:{slug}")
    assert ("invalid_token" in refused.headers["www-authenticate"]) == (slug == "unknown-key")
    assert "the-key-of" not in refused.text


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
def test_a_known_key_is_let_in(client: TestClient, scheme: str) -> None:
    """Schemes are compared without regard to case (RFC 9110, section 11.1)."""
    answer = client.post("/predict", content=RED, headers={"authorization": f"{scheme} {BATCH}"})
    assert answer.status_code == 200
    assert "ratelimit" not in answer.headers


def test_a_rate_is_told_with_every_answer_and_kept(client: TestClient) -> None:
    """In the headers of the IETF's draft: also with a refusal, and with the answer to a mistake."""
    answers = [
        client.post("/predict", content=RED, headers=bearer(PHONE)),
        client.post("/models/nobody/predict", content=RED, headers=bearer(PHONE)),
        client.get("/models/colors/versions/one", headers=bearer(PHONE)),
        client.post("/predict", content=RED, headers=bearer(PHONE)),
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 422, 429]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"per-key";q=3;w=86400'}
    limits = [re.fullmatch(r'"per-key";r=(\d+);t=(\d+)', answer.headers["ratelimit"]) for answer in answers]
    assert [int(found[1]) for found in limits if found] == [2, 1, 0, 0]
    assert all(0 < int(found[2]) <= 28_800 for found in limits if found)
    refused = answers[-1]
    assert limits[-1] is not None
    assert refused.headers["retry-after"] == limits[-1][2]
    assert 28_700 < int(refused.headers["retry-after"]) <= 28_800
    body = refused.json()
    assert (body["type"], body["limit"], body["window_s"]) == ("urn:convserve:problem:rate-limited", 3, 86_400)
    assert client.post("/predict", content=RED, headers=bearer(BATCH)).status_code == 200


def test_refusals_are_decided_before_the_body_is_read(app: FastAPI, client: TestClient) -> None:
    """A caller that is turned away does not get its picture into memory first."""
    for headers, status in ((bearer("unknown-key-of-some-kind"), 401), (bearer(PHONE), 429)):
        for _ in range(3 if status == 429 else 0):
            client.get("/models", headers=headers)
        scope_headers = [(name.encode(), text.encode()) for name, text in headers.items()]
        assert ask_without_a_body(client, app, scope_headers) == status


def ask_without_a_body(client: TestClient, app: FastAPI, headers: list[tuple[bytes, bytes]]) -> int:
    """Send a request whose body must not be asked for, and return its status."""
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        pytest.fail("the body was asked for")

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {"type": "http", "method": "POST", "path": "/predict", "raw_path": b"/predict", "query_string": b""}
    scope |= {"headers": headers, "http_version": "1.1", "scheme": "http", "root_path": ""}
    assert client.portal is not None
    client.portal.call(app, scope, receive, send)
    return statuses[0]


def test_rejections_are_counted_by_reason_model_and_key(client: TestClient) -> None:
    """Models by the names that are loaded, keys by those of their file, and nothing that a caller makes up."""
    for url in ("/predict", "/predict", "/predict", "/predict", "/models/colors/predict", "/models/made-up/predict"):
        client.post(url, content=RED, headers=bearer(PHONE))
    client.post("/predict", headers=bearer("unknown-key-of-some-kind"))
    client.post("/predict")
    assert value(client, "convserve_rejections_total", model="colors", reason="rate_limit") == 2
    assert value(client, "convserve_rejections_total", model="_unknown", reason="rate_limit") == 1
    assert value(client, "convserve_key_requests_total", kind="api", key="phone", outcome="rate_limited") == 3
    assert value(client, "convserve_authentication_failures_total", reason="unknown") == 1
    assert value(client, "convserve_authentication_failures_total", reason="missing") == 1
    route = {"method": "POST", "route": "/predict"}
    assert value(client, "convserve_http_requests_total", code="401", **route) == 2
    assert value(client, "convserve_http_requests_total", code="429", **route) == 1


def test_the_access_line_names_the_key_and_no_line_shows_it(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a caller that is let in, of one that is limited, and not of one that is not known."""
    caplog.set_level(logging.DEBUG)
    for key in (PHONE, PHONE, PHONE, PHONE, "unknown-key-of-some-kind"):
        client.post("/predict", content=RED, headers=bearer(key))
    assert [(line["status"], line.get("key")) for line in accesses(caplog)] == [
        (200, "phone"),
        (200, "phone"),
        (200, "phone"),
        (429, "phone"),
        (401, None),
    ]
    everything = json.dumps([vars(record) for record in caplog.records], default=str)
    for key in (PHONE, BATCH, OPS, "unknown-key-of-some-kind"):
        assert key not in everything


def test_an_admin_route_wants_an_admin_key(client: TestClient) -> None:
    """None: 401; an API key: 403; an admin key goes through, and may use the service too."""
    url = "/models/colors/act"
    assert client.post(url, json={"version": 2}).status_code == 401
    forbidden = client.post(url, json={"version": 2}, headers=bearer(BATCH))
    assert (forbidden.status_code, forbidden.json()["type"]) == (403, "urn:convserve:problem:forbidden")
    assert forbidden.headers["www-authenticate"] == 'Bearer realm="convserve", error="insufficient_scope"'
    assert forbidden.json()["key"] == "batch"
    assert client.post(url, json={"version": 2}, headers=bearer(OPS)).json() == {"name": "colors"}
    assert client.get("/models", headers=bearer(OPS)).status_code == 200


def test_every_admin_act_leaves_one_line(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    """Who, what, on what, with what outcome and under which request id; refused attempts and failures too."""
    caplog.set_level(logging.ERROR, logger="convserve")  # no level of other lines silences these
    caplog.handler.setLevel(logging.NOTSET)
    asked = [
        ("colors", OPS, {"version": 2}),
        ("colors", BATCH, {"version": 2}),
        ("colors", None, {"version": 2}),
        ("loading", OPS, {"version": 2}),
        ("odd", OPS, {"version": 2}),
        ("colors", OPS, {"version": "two"}),
    ]
    ids = []
    for name, key, body in asked:
        headers = bearer(key) if key else {}
        ids.append(client.post(f"/models/{name}/act", json=body, headers=headers).headers["x-request-id"])
    lines = audits(caplog)
    assert [(line["key"], line["outcome"], line["status"]) for line in lines] == [
        ("ops", "done", 200),
        ("batch", "refused", 403),
        (None, "refused", 401),
        ("ops", "failed", 503),
        ("ops", "failed", 500),
        ("ops", "failed", 422),
    ]
    assert {line["act"] for line in lines} == {"POST /models/{name}/act"}
    assert [line["request_id"] for line in lines] == ids
    assert lines[0]["target"] == {"name": "colors", "version": 2}
    assert lines[1]["target"] == {"name": "colors"}
    assert "not ready" in lines[3]["reason"]
    assert lines[4]["reason"] == "RuntimeError"


def test_without_an_admin_key_admin_routes_do_not_exist(files: dict[str, Path], tmp_path: Path) -> None:
    """Their answer is that of any address that leads nowhere, and the document does not know them."""
    app = create_app(Settings(models_dir=tmp_path / "models", api_keys_file=files["api_keys_file"]))
    include_routers(app, admin_router(), access=app.state.context.access)
    with checked_client(app) as client:
        for method in ("POST", "GET"):
            for headers in ({}, bearer(BATCH), bearer(OPS)):
                answers = [
                    client.request(method, url, headers=headers) for url in ("/models/colors/act", "/nowhere/at/all")
                ]
                assert [answer.status_code for answer in answers] == [404, 404]
                bodies = [answer.json() for answer in answers]
                for body in bodies:
                    for own in ("detail", "instance", "request_id"):
                        del body[own]
                assert bodies[0] == bodies[1]
        assert "act" not in client.get("/openapi.json").text.replace("exact", "").replace("character", "")


def test_the_document_says_which_routes_need_a_key(app: FastAPI) -> None:
    """And how they refuse, in the one form of all problems."""
    document = app.openapi()
    assert document["components"]["securitySchemes"] == {"bearer": {"type": "http", "scheme": "bearer"}}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            statuses = {"401", "429"} & set(operation["responses"])
            assert ("security" in operation, statuses) == (
                (True, {"401", "429"}) if path not in OPEN else (False, set())
            )
            assert ("403" in operation["responses"]) == path.endswith(ACTS)
    answers = document["paths"]["/predict"]["post"]["responses"]
    refusal = answers["429"]["content"]
    assert refusal == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemBody"}}}
    for status in ("200", "404", "429", "503"):
        assert {"RateLimit", "RateLimit-Policy"} <= answers[status]["headers"].keys()
    assert answers["401"]["headers"]["WWW-Authenticate"]["required"]


def test_keys_follow_their_file_while_the_service_runs(
    files: dict[str, Path], client: TestClient, tmp_path: Path
) -> None:
    """No restart: the watch of the running app notices."""
    new = tmp_path / "new"
    new.write_text(f"other: {PHONE}-2\n")
    new.replace(files["api_keys_file"])
    while client.get("/models", headers=bearer(BATCH)).status_code == 200:
        pass
    assert client.get("/models", headers=bearer(f"{PHONE}-2")).status_code == 200
