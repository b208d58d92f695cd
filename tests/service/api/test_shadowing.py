"""A shadow sees what the live version answered; callers notice nothing, and the metrics tell how often they agree."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.model_folders import color_network, picture, write_model
from tests.service.api.conftest import Serve
from tests.service.api.test_administration import act
from tests.service.api.test_health import value

RED, BRIGHT = picture("red"), picture("white")
OUTCOMES = ("agree", "differ", "skipped", "failed")


def outcomes(client: TestClient, version: str = "1") -> dict[str, float]:
    """Read how often a shadow agreed."""
    name = "convserve_shadow_predictions_total"
    return {each: value(client, name, model="colors", version=version, outcome=each) for each in OUTCOMES}


def wait_for(condition: Callable[[], bool]) -> None:
    """Ask until it is so: a shadow runs after the answer, and nobody tells when."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def start(tmp_path: Path, serve: Serve) -> Callable[..., TestClient]:
    """Serve version 2 with version 1, made of another network, as its shadow."""

    def make(network: bytes, **changes: Any) -> TestClient:
        write_model(tmp_path / "models", version=1, network=network, **changes)
        write_model(tmp_path / "models", version=2)
        (tmp_path / "admin").write_text("ops: the-key-of-operations\n")
        client = serve(admin_key_file=tmp_path / "admin")
        assert act(client, "/traffic", {"shadow": 1}, method="PUT").status_code == 200
        return client

    return make


def test_a_shadow_that_agrees_is_counted_and_its_distance_too(start: Callable[..., TestClient]) -> None:
    """It is less sure than the live version; the answers that are sent are the live ones."""
    client = start(color_network(sharpness=1.0))
    assert outcomes(client) == dict.fromkeys(OUTCOMES, 0)
    for _ in range(3):
        answer = client.post("/models/colors/predict", content=RED).json()
        assert answer["model"]["version"] == 2
        assert answer["predictions"][0]["probability"] > 0.99
    wait_for(lambda: outcomes(client)["agree"] == 3)
    key = {"model": "colors", "version": "1"}
    assert value(client, "convserve_shadow_distance_count", **key) == 3
    assert 0.3 * 3 < value(client, "convserve_shadow_distance_sum", **key) < 0.5 * 3
    assert value(client, "convserve_predictions_total", outcome="ok", **key) == 0


def test_a_shadow_that_names_another_class_is_counted(start: Callable[..., TestClient]) -> None:
    """The same class at another place of the list would agree: labels are compared, not places."""
    client = start(color_network(), labels=("blue", "lime", "red"), golden=())
    client.post("/models/colors/predict", content=RED)
    wait_for(lambda: sum(outcomes(client).values()) == 1)
    assert outcomes(client)["differ"] == 1


def test_a_shadow_that_fails_is_counted_and_disturbs_nobody(start: Callable[..., TestClient]) -> None:
    """That is what it is there for."""
    client = start(color_network(fails_on_bright=True), golden=())
    assert client.post("/models/colors/predict", content=BRIGHT).status_code == 200
    wait_for(lambda: sum(outcomes(client).values()) == 1)
    assert outcomes(client)["failed"] == 1


def test_requests_of_other_versions_are_not_shown(start: Callable[..., TestClient]) -> None:
    """Who names the shadow gets its answer, and nobody compares it with itself."""
    client = start(color_network())
    assert client.post("/models/colors/versions/1/predict", content=RED).json()["model"]["version"] == 1
    client.post("/models/colors/predict", content=RED)
    wait_for(lambda: sum(outcomes(client).values()) == 1)
    assert outcomes(client)["agree"] == 1


def test_a_shadow_that_is_taken_away_sees_nothing_more(start: Callable[..., TestClient]) -> None:
    """Its counts stay."""
    client = start(color_network())
    client.post("/models/colors/predict", content=RED)
    wait_for(lambda: outcomes(client)["agree"] == 1)
    act(client, "/traffic", {}, method="PUT")
    client.post("/models/colors/predict", content=RED)
    assert sum(outcomes(client).values()) == 1
