"""What the protocol's metadata routes say."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from service import VERSION
from tests.service.api.described import require_described


@pytest.mark.parametrize("url", ["/v2", "/v2/"])
def test_server_says_what_it_is(shared_client: TestClient, url: str) -> None:
    """With and without the slash that some documents put behind it."""
    answer = shared_client.get(url)
    assert answer.json()["name"] == "convserve"
    assert answer.json()["version"] == VERSION
    assert {"binary_tensor_data", "classification"} <= set(answer.json()["extensions"])


@pytest.mark.parametrize(
    ("url", "route", "status", "body"),
    [
        ("/v2/models/colors/ready", "/v2/models/{name}/ready", 200, {"name": "colors", "ready": True}),
        (
            "/v2/models/colors/versions/2/ready",
            "/v2/models/{name}/versions/{version}/ready",
            200,
            {"name": "colors", "ready": True},
        ),
        ("/v2/models/colors/versions/1/ready", "/v2/models/{name}/versions/{version}/ready", 404, None),
        ("/v2/models/nobody/ready", "/v2/models/{name}/ready", 404, None),
        ("/v2/models/broken/ready", "/v2/models/{name}/ready", 503, None),
        ("/v2/models/broken", "/v2/models/{name}", 503, None),
        ("/v2/models/nobody", "/v2/models/{name}", 404, None),
        ("/v2/models/colors/versions/0", "/v2/models/{name}/versions/{version}", 400, None),
    ],
)
def test_states_are_told_by_status_and_body(
    shared_client: TestClient, url: str, route: str, status: int, body: object
) -> None:
    """Clients look at one or the other."""
    answer = shared_client.get(url)
    assert answer.status_code == status
    assert answer.json() == body if body else list(answer.json()) == ["error"]
    require_described(shared_client.get("/openapi.json").json(), answer, route=route)


@pytest.mark.parametrize("url", ["/v2/models/colors", "/v2/models/colors/versions/2"])
def test_model_describes_its_tensors(shared_client: TestClient, url: str) -> None:
    """The network's own, -1 for the batch alone; versions that can be asked for."""
    answer = shared_client.get(url)
    assert answer.json() == {
        "name": "colors",
        "versions": ["2"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "input", "datatype": "FP32", "shape": [-1, 3, 8, 8]}],
        "outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]}],
    }
