"""How to make a route answer with a status that it declares, for the kinds of route that there are.

A new route of a known kind is provoked without a word here; a new kind needs its line in `PROVOCATIONS`.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.testclient import TestClient
from starlette.types import Message

from tests.model_folders import picture

ADMIN_KEY: Final = "the-key-of-operations"
ADMIN: Final = {"authorization": f"Bearer {ADMIN_KEY}"}
RED, WHITE = picture((150, 10, 10)), picture("white")  # a network that fails on bright pictures takes the first
LIMIT_BYTES: Final = 100_000
SETTINGS: Final[dict[str, dict[str, int]]] = {"408": {"body_timeout_ms": 1}, "504": {"deadline_ms": 1}}


@dataclass(frozen=True, slots=True)
class Operation:
    """A route of the document under one method.

    Args:
        method: In upper case.
        route: Template of the path.
        tag: Kind of route.
        has_body: Whether it takes a body.

    """

    method: str
    route: str
    tag: str
    has_body: bool

    def url(self, *, model: str = "colors", version: str = "1") -> str:
        """Fill the template; a route without a name in it takes the model in its query."""
        filled = self.route.replace("{name}", model).replace("{model}", model).replace("{version}", version)
        return filled if "{" in self.route or "/v2" in self.route else f"{filled}?model={model}"

    @property
    def takes_pictures(self) -> bool:
        """Whether a picture may be its body."""
        return self.tag in ("predict", "torchserve") and self.has_body

    @property
    def infers(self) -> bool:
        """Whether it runs a network on the protocol's tensors."""
        return self.route.endswith("/infer")


def _sent(client: TestClient, operation: Operation, *, url: str = "", content: bytes = b"", **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = client.request(operation.method, url or operation.url(), content=content, headers={**ADMIN, **named})
    return answer.status_code


def _good(operation: Operation, data: bytes = RED) -> bytes:
    """Make a body that the route takes, around a picture."""
    if operation.takes_pictures:
        return data
    text = base64.b64encode(data).decode()
    tensor = {"name": "input", "datatype": "BYTES", "shape": [1], "data": [text]}
    return json.dumps({"inputs": [tensor]}).encode() if operation.infers else b""


def _silent(client: TestClient, operation: Operation) -> int:
    """Send a request whose body never comes."""
    path, _, query = operation.url().partition("?")
    headers = [(name.encode(), value.encode()) for name, value in ADMIN.items()]
    scope = {"type": "http", "method": operation.method, "path": path, "query_string": query.encode()}
    status: list[int] = []

    async def receive() -> Message:
        never: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        return await never

    async def send(message: Message) -> None:
        status.extend([message["status"]] if "status" in message else [])

    assert client.portal is not None
    client.portal.call(client.app, {**scope, "headers": headers}, receive, send)
    return status[0]


def _malformed(client: TestClient, operation: Operation) -> int:
    if not operation.has_body:
        return _sent(client, operation, url=operation.url(version="0"))
    return _sent(client, operation, content=RED[:50] if operation.takes_pictures else b"{")


def _invalid(client: TestClient, operation: Operation) -> int:
    if operation.takes_pictures:
        return _sent(client, operation, content=RED, x_request_timeout_ms="0")
    return _sent(client, operation, url=operation.url(version="0"))


def _unavailable(client: TestClient, operation: Operation) -> int:
    """Ask a model that was refused, or send a body where other bodies take all the memory that there is for them."""
    if not operation.has_body:
        return _sent(client, operation, url=operation.url(model="broken"))
    bodies: Any = client.app.state.context.bodies  # type: ignore[attr-defined]  # the FastAPI app behind the client
    bodies.held_bytes += bodies.total_bytes
    try:
        return _sent(client, operation, content=_good(operation) or b"{}")
    finally:
        bodies.held_bytes -= bodies.total_bytes


PROVOCATIONS: Final[dict[str, Callable[[TestClient, Operation], int]]] = {
    "200": lambda client, operation: _sent(client, operation, content=_good(operation)),
    "400": _malformed,
    "404": lambda client, operation: _sent(client, operation, url=operation.url(model="nobody")),
    "408": _silent,
    "413": lambda client, operation: _sent(client, operation, content=bytes(LIMIT_BYTES + 1)),
    "415": lambda client, operation: _sent(client, operation, content=_good(operation, b"Dear Sir or Madam")),
    "422": _invalid,
    "500": lambda client, operation: _sent(client, operation, content=_good(operation, WHITE)),
    "503": _unavailable,
    "504": _silent,
}


def can_be_provoked(operation: Operation, status: str) -> bool:
    """Tell whether `PROVOCATIONS` knows how; the others are for tests that know more of the route."""
    if operation.tag in ("predict", "torchserve"):
        return operation.has_body
    if operation.tag == "open inference protocol" and "/health/" not in operation.route:
        return status != "500" or operation.infers
    return operation.tag == "administration" and "{version}" in operation.route and status in ("404", "422")
