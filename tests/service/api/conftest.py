"""The real app on real model folders, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from tests.model_folders import write_model
from tests.service.api.contract import LAST_TEST, checked_client

_MOST_POLLS = 10_000

Serve = Callable[..., TestClient]


def wait_until_loaded(client: TestClient) -> None:
    """Ask until every version has been tried."""
    for _ in range(_MOST_POLLS):
        models = client.get("/models").json()["models"]
        if all(model["state"] != "loading" for model in models):
            return
    pytest.fail("the models did not finish loading")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the one test that looks at what all others have seen run last."""
    items.sort(key=lambda item: item.name == LAST_TEST)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start the app on `tmp_path / models`; settings can be changed by keyword. Answers are held to the document."""
    with ExitStack() as stack:

        def start(**changes: object) -> TestClient:
            settings = Settings.model_validate({"models_dir": tmp_path / "models", "threads": 2, **changes})
            client = stack.enter_context(checked_client(create_app(settings)))
            wait_until_loaded(client)
            return client

        yield start


@pytest.fixture
def client(tmp_path: Path, serve: Serve) -> TestClient:
    """One model, `colors`, ready."""
    write_model(tmp_path / "models")
    return serve()
