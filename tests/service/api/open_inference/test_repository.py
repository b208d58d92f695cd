"""The repository's index."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.service.api.described import require_described

URL = "/v2/repository/index"


@pytest.mark.parametrize("request_", [{}, {"json": {}}, {"json": {"ready": False}}, {"json": {"ready": None}}])
def test_every_version_is_listed_with_its_state_and_reason(shared_client: TestClient, request_: dict[str, Any]) -> None:
    """Loaded, not loaded, refused."""
    answer = shared_client.post(URL, **request_)
    found = {(entry["name"], entry["version"]): (entry["state"], entry["reason"]) for entry in answer.json()}
    assert found[("colors", "2")] == ("READY", "")
    assert found[("colors", "1")] == ("UNAVAILABLE", "not loaded; version 2 is live")
    state, reason = found[("broken", "1")]
    assert state == "UNAVAILABLE"
    assert "the manifest says" in reason
    require_described(shared_client.get("/openapi.json").json(), answer, route=URL)


def test_only_those_that_can_answer_are_listed_where_so_asked(shared_client: TestClient) -> None:
    """The rest is left out."""
    answer = shared_client.post(URL, json={"ready": True})
    assert [(entry["name"], entry["version"]) for entry in answer.json()] == [("colors", "2")]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"ready", "no JSON"),
        (b"[]", "must be an object"),
        (b'{"ready": 1}', "ready must be true or false, not 1"),
        (b'{"readiness": true}', "'readiness' is not known here"),
    ],
)
def test_question_that_is_none_is_refused_in_words(shared_client: TestClient, body: bytes, words: str) -> None:
    """In the protocol's form."""
    answer = shared_client.post(URL, content=body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    require_described(shared_client.get("/openapi.json").json(), answer, route=URL)
