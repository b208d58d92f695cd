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
    assert {"enum": ["exact", "fast"], "type": "string"} in decode["schema"]["anyOf"]
    assert set(predict["requestBody"]["content"]) >= {"image/*", "multipart/form-data", "application/json"}
    assert "ProblemBody" in document["components"]["schemas"]
    assert "HTTPValidationError" not in document["components"]["schemas"]
