"""Liveness, readiness, and what the metrics count."""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from tests.model_folders import picture, write_model
from tests.service.api.conftest import Serve

RED = picture("red")


def samples(client: TestClient) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Scrape, with Prometheus' own parser."""
    found = {}
    for family in text_string_to_metric_families(client.get("/metrics").text):
        for sample in family.samples:
            found[sample.name, frozenset(sample.labels.items())] = sample.value
    return found


def value(client: TestClient, name: str, **labels: str) -> float:
    """Read one series; it must exist."""
    return samples(client)[name, frozenset(labels.items())]


@pytest.mark.parametrize("url", ["/livez", "/healthz", "/readyz"])
def test_ready_service_answers_200_on_every_health_route(client: TestClient, url: str) -> None:
    """All three styles of health route are there, for monitors that ask with HEAD too."""
    assert client.get(url).status_code == 200
    assert client.head(url).status_code == 200


def test_empty_models_folder_lives_and_is_not_ready(tmp_path: Path, serve: Serve) -> None:
    """Without a model there is nothing to serve, and readiness says why."""
    (tmp_path / "models").mkdir()
    client = serve()
    assert client.get("/livez").status_code == 200
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["waiting_for"]) == (503, ["the models folder is empty"])


def test_draining_service_lives_is_not_ready_and_refuses_pictures(client: TestClient) -> None:
    """From the stop signal on, load balancers and callers are sent elsewhere."""
    client.app.state.context.scheduler.drain()  # type: ignore[attr-defined]  # the FastAPI app behind the client
    assert client.get("/livez").status_code == 200
    assert client.get("/readyz").json()["waiting_for"] == ["shutting down"]
    refused = client.post("/predict", content=RED)
    assert (refused.status_code, refused.json()["title"]) == (503, "Shutting down")
    assert int(refused.headers["retry-after"]) >= 1


def test_route_series_exist_before_the_first_request(client: TestClient) -> None:
    """`rate()` is right from the first hit, errors included."""
    for code in ("200", "400", "503"):
        assert value(client, "convserve_http_requests_total", method="POST", route="/predict", code=code) == 0


def test_each_picture_is_counted_once_by_its_outcome(client: TestClient) -> None:
    """Predictions by outcome add up to the pictures that reached the model."""
    client.post("/predict", content=RED)
    client.post("/predict", files=[("file", RED), ("file", b"no picture"), ("file", RED)])
    client.post("/predict", content=RED, headers={"x-request-timeout-ms": "x"})
    client.post("/models/nobody/predict", content=RED)
    count = {"model": "colors", "version": "1"}
    assert value(client, "convserve_predictions_total", outcome="ok", **count) == 3
    assert value(client, "convserve_predictions_total", outcome="bad_input", **count) == 1
    assert value(client, "convserve_predicted_class_total", label="red", **count) == 3
    assert value(client, "convserve_images_rejected_total", reason="format") == 1
    assert value(client, "convserve_prediction_confidence_count", **count) == 3
    assert value(client, "convserve_stage_duration_seconds_count", model="colors", stage="inference") == 3
    assert value(client, "convserve_predictions_total", model="_unknown", version="", outcome="bad_input") == 1
    assert value(client, "convserve_queue_depth", model="colors") == 0


def test_requests_are_counted_by_route_template_never_by_path(client: TestClient) -> None:
    """Names that callers make up do not become label values."""
    for name in ("colors", "x" * 50, "y"):
        client.post(f"/models/{name}/predict", content=RED)
    client.get("/wp-login.php")
    client.request("BREW", "/livez")
    route = {"method": "POST", "route": "/models/{name}/predict"}
    assert value(client, "convserve_http_requests_total", code="200", **route) == 1
    assert value(client, "convserve_http_requests_total", code="404", **route) == 2
    assert value(client, "convserve_http_requests_total", method="_", route="_unmatched", code="404") == 1
    methods = {
        dict(labels).get("method") for name, labels in samples(client) if name == "convserve_http_requests_total"
    }
    assert methods == {"GET", "POST", "PUT", "_"}


def test_what_is_loaded_is_shown_in_the_metrics(client: TestClient) -> None:
    """Dashboards can tell versions and providers apart."""
    assert value(client, "convserve_model_ready", model="colors", version="1") == 1
    assert value(client, "convserve_provider_fallback", model="colors") == 0
    info = [dict(labels) for name, labels in samples(client) if name == "convserve_model_info"]
    assert [(labels["provider"], labels["precision"]) for labels in info] == [("cpu", "fp32")]


@pytest.mark.parametrize(("host", "exposed"), [("127.0.0.1", 0), ("::1", 0), ("0.0.0.0", 1)])
def test_exposure_without_keys_is_said_in_log_and_metrics(
    tmp_path: Path, serve: Serve, caplog: pytest.LogCaptureFixture, host: str, exposed: int
) -> None:
    """Where anyone who reaches the port may use the service, one warning and a gauge say so."""
    write_model(tmp_path / "models")
    assert value(serve(host=host), "convserve_unauthenticated") == exposed
    warnings = [record for record in caplog.records if "anyone who reaches" in record.message]
    assert len(warnings) == exposed
