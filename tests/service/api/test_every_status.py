"""Every answer that the OpenAPI document declares is provoked.

Here for the routes that take a picture, and by all tests of this folder together for the rest.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.testclient import TestClient
from starlette.types import Message

from service.api_document import FROZEN
from tests.model_folders import color_network, picture, write_model
from tests.service.api.conftest import Serve
from tests.service.api.contract import LAST_TEST, SEEN, Document, Key

DOCUMENT: Final = Document(json.loads(FROZEN.read_text(encoding="utf-8")))
RED, WHITE = picture((150, 10, 10)), picture("white")  # a network that fails on bright pictures takes the first

# Answers that no test provokes, and why not.
UNPROVOKED: Final[dict[Key, str]] = {}
# One handler outside all routes makes these, whatever the route; test_bad_input provokes it.
UNPROVOKED_ANYWHERE: Final = frozenset({"500"})


def _filled(route: str, *, model: str = "colors") -> str:
    """Make a URL of a route's template; one without a name in it takes the model in its query."""
    url = route.replace("{name}", model).replace("{version}", "1")
    return url if "{name}" in route else f"{url}?model={model}"


def _silent(client: TestClient, url: str, **headers: str) -> int:
    """Send a request whose body never comes, and return the status of the answer."""
    path, _, query = url.partition("?")
    names = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": query.encode(), "headers": names}
    status: list[int] = []

    async def receive() -> Message:
        never: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        return await never

    async def send(message: Message) -> None:
        status.extend([message["status"]] if "status" in message else [])

    assert client.portal is not None
    client.portal.call(client.app, scope, receive, send)
    return status[0]


def _drained(client: TestClient, url: str) -> int:
    client.app.state.context.scheduler.drain()  # type: ignore[attr-defined]  # the FastAPI app behind the client
    return client.post(url, content=RED).status_code


# How to make any route that takes a picture answer with a status.
PROVOCATIONS: Final[dict[str, Callable[[TestClient, str], int]]] = {
    "200": lambda client, route: client.post(_filled(route), content=RED).status_code,
    "400": lambda client, route: client.post(_filled(route), content=RED[:50]).status_code,
    "404": lambda client, route: client.post(_filled(route, model="nobody"), content=RED).status_code,
    "408": lambda client, route: _silent(client, _filled(route)),
    "413": lambda client, route: client.post(_filled(route), content=bytes(100_001)).status_code,
    "415": lambda client, route: client.post(_filled(route), content=b"Dear Sir or Madam").status_code,
    "422": lambda client, route: (
        client.post(_filled(route), content=RED, headers={"x-request-timeout-ms": "0"}).status_code
    ),
    "500": lambda client, route: client.post(_filled(route), content=WHITE).status_code,
    "503": lambda client, route: _drained(client, _filled(route)),
    "504": lambda client, route: _silent(client, _filled(route), x_request_timeout_ms="1"),
}
SETTINGS: Final[dict[str, dict[str, Any]]] = {"408": {"body_timeout_ms": 1}}


def _of_pictures() -> list[tuple[str, str]]:
    """List the answers of today's routes that take a picture in every form."""
    return [
        (route, status)
        for method, route, status in DOCUMENT.declared()
        if "predict" in DOCUMENT.content["paths"][route][method.lower()]["tags"] and status in PROVOCATIONS
    ]


@pytest.mark.parametrize(("route", "status"), _of_pictures())
def test_route_that_takes_a_picture_answers_with_each_status_it_declares(
    tmp_path: Path, serve: Serve, route: str, status: str
) -> None:
    """Each in the form that the document gives it, which the client checks."""
    write_model(tmp_path / "models", network=color_network(fails_on_bright=True), golden=())
    client = serve(max_body_bytes=100_000, **SETTINGS.get(status, {}))
    assert PROVOCATIONS[status](client, route) == int(status)
    client.get("/livez")  # the client checks all answers so far, those included that went around it


def test_every_declared_answer_was_provoked(request: pytest.FixtureRequest) -> None:
    """Nothing is promised that nobody has seen; what cannot be provoked stands in a list, with the reason.

    Runs last. Whoever declares a status writes a test of it in this folder, with the client of its conftest.
    """
    if not _all_ran(request):
        pytest.skip("needs every test of tests/service/api to have run before it, in this process")
    declared = set(DOCUMENT.declared())
    expected = {key for key in declared if key[2] not in UNPROVOKED_ANYWHERE}
    assert sorted(expected - SEEN - UNPROVOKED.keys()) == []
    assert sorted(UNPROVOKED.keys() - declared) == [], "listed as not provoked, and no longer declared"


def _all_ran(request: pytest.FixtureRequest) -> bool:
    """Tell whether all other tests of this folder ran in this process, as far as can be seen."""
    config = request.config
    folder = Path(__file__).parent
    ran = {item.path for item in request.session.items}
    selected = config.getoption("keyword") or any("::" in argument for argument in config.args)
    is_part = hasattr(config, "workerinput") or config.getoption("maxfail") or config.getoption("lf", default=False)
    return set(folder.glob("test_*.py")) <= ran and not selected and not is_part and request.node.name == LAST_TEST
