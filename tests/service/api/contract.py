"""Holds every answer of the app against its OpenAPI document: status, media type, headers, body.

It sits inside the app of each API test, so that a test of anything is a test of the document too, and it notes which
answers it has seen, so that one test at the end can say which of those declared nobody has ever provoked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from jsonschema import Draft202012Validator
from starlette.datastructures import Headers
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.open_inference.form import is_spoken_at

Key = tuple[str, str, str]  # method, route template, status

# Every answer that any test of this process has met. It is here and not in conftest.py, which pytest imports twice.
SEEN: Final[set[Key]] = set()

LAST_TEST: Final = "test_every_declared_answer_was_provoked"
# Type and schema of an error, here and where the Open Inference Protocol is spoken.
PROBLEM: Final = ("application/problem+json", "ProblemBody")
PROTOCOL_ERROR: Final = ("application/json", "InferenceError")
UNDOCUMENTED: Final = {
    "/docs": "a page for people",
    "/docs/assets": "files of that page",
    "/openapi.json": "the document itself",
}


@dataclass(slots=True)
class Answer:
    """An answer as it went out.

    Args:
        method: Of the request.
        path: Of the request.
        route: Template of the route that answered, or None where none fits the path.
        status: HTTP status.
        headers: Of the answer.
        body: Its bytes.

    """

    method: str
    path: str
    route: str | None = None
    status: int = 0
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Document:
    """An OpenAPI document, and what answers owe to it.

    Args:
        content: As JSON.

    """

    content: Mapping[str, Any]

    def declared(self) -> Iterator[Key]:
        """List the answers of every operation."""
        for route, operations in self.content["paths"].items():
            for method, operation in operations.items():
                yield from ((method.upper(), route, status) for status in operation["responses"])

    def broken_promises(self, answer: Answer) -> list[str]:
        """Say in which ways an answer is not what the document says."""
        if any(answer.path == known or answer.path.startswith(f"{known}/") for known in UNDOCUMENTED):
            return []
        declared = self._operation(answer.route, answer.method)
        if declared is None:
            return self._broken_without_operation(answer)
        if str(answer.status) not in declared["responses"]:
            return [f"status {answer.status} is not declared"]
        SEEN.add((answer.method, str(answer.route), str(answer.status)))
        return self._broken_by_answer(declared["responses"][str(answer.status)], answer)

    def _operation(self, route: str | None, method: str) -> Mapping[str, Any] | None:
        """Find what is declared; a path that ends in a slash may be the twin of one without."""
        paths = self.content["paths"]
        operations = paths.get(route) or paths.get(str(route).rstrip("/"), {})
        found: Mapping[str, Any] | None = operations.get(method.lower())
        return found

    def _broken_without_operation(self, answer: Answer) -> list[str]:
        """Check an unknown path, a method that a path does not know, and HEAD, which stands beside its GET."""
        if answer.method == "HEAD" and self._operation(answer.route, "GET"):
            return []
        if answer.status < 400:
            return ["the route is not documented"]
        media_type, schema = PROTOCOL_ERROR if is_spoken_at(answer.path) else PROBLEM
        if answer.headers.get("content-type") != media_type:
            return [f"an error of type {answer.headers.get('content-type')}"]
        return self._broken_by_body({"$ref": f"#/components/schemas/{schema}"}, json.loads(answer.body))

    def _broken_by_answer(self, declared: Mapping[str, Any], answer: Answer) -> list[str]:
        broken = [
            problem
            for name in declared.get("headers", {})
            for problem in self._broken_by_header(name, declared, answer)
        ]
        contents = declared.get("content", {})
        if not contents:
            return broken + (["a body, and none is declared"] if answer.body else [])
        given = answer.headers.get("content-type", "")
        media = contents.get(given) or contents.get(given.partition(";")[0])
        if media is None:
            return [*broken, f"media type {given!r} is not declared, only {', '.join(contents)}"]
        if "json" in given:
            broken += self._broken_by_body(media.get("schema", {}), json.loads(answer.body))
        return broken

    def _broken_by_header(self, name: str, declared: Mapping[str, Any], answer: Answer) -> list[str]:
        header = declared["headers"][name]
        if "$ref" in header:
            header = self.content["components"]["headers"][header["$ref"].rpartition("/")[2]]
        value = answer.headers.get(name)
        if value is None:
            return [f"header {name} is missing"] if header.get("required") else []
        is_number = header["schema"].get("type") in ("integer", "number")
        broken = self._broken_by_body(header["schema"], json.loads(value) if is_number else value)
        return [f"header {name}: {problem}" for problem in broken]

    def _broken_by_body(self, schema: Mapping[str, Any], value: object) -> list[str]:
        whole = {**schema, "components": self.content["components"]}  # so that references lead somewhere
        errors = Draft202012Validator(whole).iter_errors(value)  # type: ignore[no-untyped-call,unused-ignore]
        return [f"{error.json_path}: {error.message[:500]}" for error in errors]


class ContractCheck:
    """Middleware that holds each answer against the document.

    Args:
        app: The layer below.
        document: Of the app.
        broken: Where each broken promise is noted, in words.

    """

    def __init__(self, app: ASGIApp, *, document: Document, broken: list[str]) -> None:
        self._app = app
        self._document = document
        self._broken = broken

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and look at what goes back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = Answer(scope["method"], scope["path"])

        async def watching_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = Headers(raw=list(message.get("headers", ())))
            else:
                answer.body += message.get("body", b"")
            await send(message)

        await self._app(scope, receive, watching_send)
        answer.route = getattr(scope.get("route"), "path", None)
        where = f"{answer.method} {answer.path} answers {answer.status}"
        self._broken += [f"{where}: {problem}" for problem in self._document.broken_promises(answer)]


class ContractClient(TestClient):
    """A client under which a test fails where an answer breaks the document."""

    broken: list[str]

    def request(self, *arguments: Any, **keywords: Any) -> Any:
        """Send a request, and check what came back."""
        answer = super().request(*arguments, **keywords)
        broken = list(self.broken)
        self.broken.clear()  # one test each, also where several share a client
        assert not broken, "\n".join([*broken, "service/api/openapi.json and the routes must agree"])
        return answer


def checked_client(app: Any) -> ContractClient:
    """Make a client of an app that has not started yet, with the check inside."""
    broken: list[str] = []
    app.add_middleware(ContractCheck, document=Document(app.openapi()), broken=broken)
    client = ContractClient(app, raise_server_exceptions=False)
    client.broken = broken
    return client
