"""TorchServe's two routes."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.model_folders import picture
from tests.service.api.described import require_described

RED = picture("red")


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("url", ["/predictions/colors", "/predictions/colors/1", "/predictions/colors/1.0"])
def test_picture_is_classified_into_labels_with_probabilities(client: TestClient, method: str, url: str) -> None:
    """Raw or as a form, by either verb, by any way of writing the version; the best comes first."""
    document = client.get("/openapi.json").json()
    bodies: tuple[dict[str, Any], ...] = ({"content": RED}, {"files": {"data": ("photo.png", RED)}})
    for request in bodies:
        answer = client.request(method, url, **request)
        assert next(iter(answer.json())) == "red"
        assert sum(answer.json().values()) == pytest.approx(1, abs=1e-6)
        route = "/predictions/{model}" if url.endswith("colors") else "/predictions/{model}/{version}"
        require_described(document, answer, route=route)


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("/predictions/nobody", 404, "known models: colors"),
        ("/predictions/colors/2", 404, "known versions: 1"),
        ("/predictions/colors/1.5", 422, "such as 1 or 1.0, not '1.5'"),
        ("/predictions/colors/0", 422, "not '0'"),
    ],
)
def test_what_is_not_there_is_told_as_everywhere_here(client: TestClient, url: str, status: int, words: str) -> None:
    """The form of errors is this service's own."""
    answer = client.post(url, content=RED)
    assert answer.status_code == status
    assert words in answer.json()["detail"]


def test_bad_pictures_and_several_are_refused(client: TestClient) -> None:
    """One object has no place for two answers."""
    assert client.post("/predictions/colors", content=b"no picture").status_code == 415
    several = client.post("/predictions/colors", files=[("data", RED), ("data", RED)])
    assert several.status_code == 422
    assert "must be 1 on this route, not 2" in several.json()["detail"]


def test_ping_tells_healthy_from_unhealthy(client: TestClient) -> None:
    """While the service goes down it takes no requests."""
    document = client.get("/openapi.json").json()
    healthy = client.get("/ping")
    assert (healthy.status_code, healthy.json()) == (200, {"status": "Healthy"})
    client.app.state.context.scheduler.drain()  # type: ignore[attr-defined]  # the FastAPI app behind the client
    unhealthy = client.get("/ping")
    assert (unhealthy.status_code, unhealthy.json()) == (503, {"status": "Unhealthy"})
    for answer in (healthy, unhealthy):
        require_described(document, answer, route="/ping")
