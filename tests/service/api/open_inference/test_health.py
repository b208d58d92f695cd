"""The protocol's health routes."""

from __future__ import annotations

from starlette.testclient import TestClient

from tests.service.api.described import require_described


def test_server_lives_although_a_model_was_refused(shared_client: TestClient) -> None:
    """It is not ready then, and says which model keeps it from it."""
    document = shared_client.get("/openapi.json").json()
    live, ready = shared_client.get("/v2/health/live"), shared_client.get("/v2/health/ready")
    assert (live.status_code, live.json()) == (200, {"live": True})
    assert (ready.status_code, ready.headers["retry-after"]) == (503, "1")
    assert ready.json() == {"error": "Not ready: model broken is refused."}
    require_described(document, live, route="/v2/health/live")
    require_described(document, ready, route="/v2/health/ready")


def test_server_is_ready_when_every_model_is_and_not_when_it_goes_down(client: TestClient) -> None:
    """Clients look at the body or at the status."""
    answer = client.get("/v2/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"ready": True})
    client.app.state.context.scheduler.drain()  # type: ignore[attr-defined]  # the FastAPI app behind the client
    answer = client.get("/v2/health/ready")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json() == {"error": "Not ready: shutting down."}
