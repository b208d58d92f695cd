"""The OpenAPI document and its page."""

from __future__ import annotations

import re

from starlette.testclient import TestClient


def test_page_loads_nothing_from_elsewhere(client: TestClient) -> None:
    """Every asset of /docs comes from this service and is really there."""
    page = client.get("/docs").text
    assets = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(assets) >= 3
    for asset in assets:
        assert asset.startswith("/"), asset
        assert client.get(asset).status_code == 200, asset


def test_document_describes_every_route_and_the_problem_of_each_refusal(client: TestClient) -> None:
    """Each operation's errors are problem+json with the one schema."""
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    predict = document["paths"]["/models/{name}/predict"]["post"]
    for status in ("400", "404", "408", "413", "415", "422", "500", "503", "504"):
        content = predict["responses"][status]["content"]
        assert list(content) == ["application/problem+json"], status
        assert content["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/ProblemBody"}
    (decode,) = [parameter for parameter in predict["parameters"] if parameter["name"] == "decode"]
    assert decode["schema"]["enum"] == ["exact", "fast"]
    assert "anyOf" not in decode["schema"], "a query has no way of writing null"
    assert set(predict["requestBody"]["content"]) >= {"image/*", "multipart/form-data", "application/json"}
    assert {"X-Request-Timeout-Ms", "Priority"} <= {parameter["name"] for parameter in predict["parameters"]}
    assert predict["responses"]["503"]["headers"].keys() == {"X-Request-ID", "Retry-After"}
    assert "ProblemBody" in document["components"]["schemas"]
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_parameters_that_cannot_be_wrong_promise_no_422(client: TestClient) -> None:
    """A name is any text; a version is a number."""
    paths = client.get("/openapi.json").json()["paths"]
    assert "422" not in paths["/models/{name}"]["get"]["responses"]
    assert "422" in paths["/models/{name}/versions/{version}"]["get"]["responses"]


def test_operations_have_names_of_their_own_for_generated_clients(client: TestClient) -> None:
    """Each is called as its function, and no two alike."""
    paths = client.get("/openapi.json").json()["paths"]
    names = [operation["operationId"] for item in paths.values() for operation in item.values()]
    assert len(names) == len(set(names))
    assert {"predict_model", "list_models", "infer"} <= set(names)
