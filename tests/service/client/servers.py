"""Small HTTP servers that answer what a test tells them, and remember what they were asked."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came.

    Args:
        method: Of it.
        path: With the query.
        headers: Names in lower case.
        body: Its bytes.
        port: Of the caller, which tells connections apart.

    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    port: int


@dataclass(frozen=True, slots=True)
class Told:
    """An answer to give.

    Args:
        status: HTTP status.
        body: Its bytes.
        headers: Beside the length; a length given here is sent instead of the right one.
        hangs_up: Close the connection afterwards, without saying so.

    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    hangs_up: bool = False


Answerer = Callable[[Asked], Told | None]


@dataclass(slots=True)
class Server:
    """A running server.

    Args:
        url: Where it listens.
        port: Of it.
        asked: Every request so far.

    """

    url: str
    port: int
    asked: list[Asked]


class _QuietServer(ThreadingHTTPServer):
    """A server that says nothing of connections that fail, which tests bring about on purpose."""

    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Leave it to the other side to notice."""


@contextmanager
def serving(answer: Answerer, *, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Run a server, encrypted where it is given how; an answer of None closes the connection instead."""
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked.append(Asked(self.command, self.path, headers, self.rfile.read(length), self.client_address[1]))
            told = answer(asked[-1])
            if told is None:
                self.close_connection = True
                return
            self.send_response(told.status)
            for name, value in {"content-length": str(len(told.body)), **told.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told.body)
            self.close_connection = told.hangs_up

        do_GET = do_POST = respond  # noqa: N815  the names that the library looks for

        def log_message(self, *_: Any) -> None:
            pass

    server = _QuietServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        # The handshake belongs to the thread of its connection, which may fail without ending the server.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{server.server_port}", server.server_port, asked)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def as_json(body: object, *, status: int = 200, media_type: str = "application/json", **headers: str) -> Told:
    """Make an answer of JSON; `retry_after` becomes Retry-After."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Told(status, json.dumps(body).encode(), {"content-type": media_type, **named})


def problem(status: int, detail: str, **headers: str) -> Told:
    """Make an answer that is a problem."""
    return as_json(
        {"type": "urn:x", "title": "x", "status": status, "detail": detail},
        status=status,
        media_type="application/problem+json",
        **headers,
    )


CAT = as_json(
    {
        "model": {"name": "pets", "version": 3, "precision": "fp32"},
        "predictions": [{"label": "cat", "index": 1, "probability": 0.75}],
        "request_id": "1",
    }
)
LIVE = as_json({"status": "live", "waiting_for": []})
