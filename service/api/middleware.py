"""What happens to every request: an id, a measurement, a log line, and an answer even where a route failed unforeseen.

Pure ASGI, one layer: each further layer would cost every request microseconds for nothing.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from typing import Any, Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import (
    STATE_HEADERS,
    STATE_KEY,
    STATE_REQUEST_ID,
    internal_problem,
    problem_response,
)
from service.errors import DrainingError
from service.telemetry.logs import log
from service.telemetry.metrics import UNKNOWN_METHOD, UNMATCHED_ROUTE, Metrics

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_TRACE_PARENT: Final = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_QUIET_ROUTES: Final = frozenset(
    {"/livez", "/readyz", "/healthz", "/metrics", "/ping", "/v2/health/live", "/v2/health/ready"}
)
_CALLER_GONE: Final = 499
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestRecorder:
    """Gives each request an id, counts and times it, and writes its access log line.

    Args:
        app: The layer below.
        metrics: Where requests are counted.

    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._children: dict[tuple[str, str, int], tuple[Any, Any]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and record how it ended."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_s = time.perf_counter()
        headers = dict(scope["headers"])
        request_id = _request_id(headers.get(b"x-request-id", b""))
        state = scope.setdefault("state", {})
        state[STATE_REQUEST_ID] = request_id
        answer = {"status": _CALLER_GONE, "bytes": 0}

        async def recording_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer["status"] = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id.encode()),
                    *state.get(STATE_HEADERS, ()),
                ]
            else:
                answer["bytes"] += len(message.get("body", b""))
            await send(message)

        self._metrics.in_flight.inc()
        try:
            await self._app(scope, receive, recording_send)
        except asyncio.CancelledError:  # the drain time is over, and the server ends what is left
            if answer["status"] == _CALLER_GONE:
                await problem_response(Request(scope), DrainingError(retry_after_s=1))(scope, receive, recording_send)
        except Exception as error:  # noqa: BLE001  the last line of defence: the caller gets an answer, the log the traceback
            log(logging.ERROR, "request failed", error=error, request_id=request_id)
            if answer["status"] == _CALLER_GONE:
                await internal_problem(Request(scope))(scope, receive, recording_send)
        finally:
            self._metrics.in_flight.dec()
            self._record(scope, headers, answer, duration_s=time.perf_counter() - started_s)

    def _record(self, scope: Scope, headers: dict[bytes, bytes], answer: dict[str, int], *, duration_s: float) -> None:
        route = getattr(scope.get("route"), "path", UNMATCHED_ROUTE)
        method = scope["method"] if scope["method"] in _METHODS and route != UNMATCHED_ROUTE else UNKNOWN_METHOD
        counter, histogram = self._series(method, route, answer["status"])
        counter.inc()
        histogram.observe(duration_s)
        trace = _TRACE_PARENT.fullmatch(headers.get(b"traceparent", b""))
        log(
            logging.DEBUG if route in _QUIET_ROUTES else logging.INFO,
            "request",
            request_id=scope["state"][STATE_REQUEST_ID],
            trace_id=trace.group(1).decode() if trace else None,
            method=scope["method"],
            route=route,
            status=answer["status"],
            duration_ms=round(duration_s * 1000, 3),
            answer_bytes=answer["bytes"],
            **({"key": scope["state"][STATE_KEY]} if STATE_KEY in scope["state"] else {}),
            **scope["state"].get("log", {}),
        )

    def _series(self, method: str, route: str, status: int) -> tuple[Any, Any]:
        key = (method, route, status)
        found = self._children.get(key)
        if found is None:
            counter = self._metrics.requests.labels(method, route, str(status))
            found = self._children[key] = (counter, self._metrics.request_duration.labels(method, route))
        return found


def _request_id(given: bytes) -> str:
    """Take over the caller's id where it is sane, else make one."""
    return given.decode() if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
