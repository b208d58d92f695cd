"""Keys and rate limits at the door: decided by the route that answers, before its parameters and its body are read.

A router says what its routes need by its route class; a router without one is open to everybody, which only health,
metrics, the documentation and the page are.

    APIRouter(route_class=KeyedRoute)   a key, where the service has any
    APIRouter(route_class=AdminRoute)   an admin key; where the service has none these routes do not exist

Every act behind an `AdminRoute`, refused or not, writes one audit line. A handler can add to it with `note`.

Source: RFC 6750 (Bearer), draft-ietf-httpapi-ratelimit-headers-11 (RateLimit, RateLimit-Policy).
"""

from __future__ import annotations

import asyncio
import http
import logging
import math
from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from service.api.context import Context, context_of
from service.api.problems import PROBLEMS, STATE_HEADERS, STATE_KEY, STATE_REQUEST_ID, problem_of
from service.errors import AccessError, ConvserveError, ForbiddenKeyError, InvalidParameterError, RateLimitedError
from service.security.access import Access, Grant
from service.telemetry.logs import audit
from service.telemetry.series import UNKNOWN_MODEL

POLICY: Final = "per-key"  # name of the one policy there is
_STATE_NOTES: Final = "audit"
_SCHEME: Final = b"bearer "
_AUTHORIZATION: Final = b"authorization"

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class KeyedRoute(APIRoute):
    """A route that needs a key where the service has any."""

    def get_route_handler(self) -> Handler:
        """Put the guard before everything else that the route does."""
        answer = super().get_route_handler()

        async def answer_admitted(request: Request) -> Response:
            context = context_of(request)
            if context.access.needs_key:
                _admit(request, context)
            return await answer(request)

        return answer_admitted


class AdminRoute(APIRoute):
    """A route that needs an admin key, and leaves a line in the audit log whatever becomes of the request."""

    def get_route_handler(self) -> Handler:
        """Put the guard before everything else that the route does, and the audit around it."""
        answer = super().get_route_handler()

        async def answer_audited(request: Request) -> Response:
            try:
                _admit_admin(request, context_of(request))
                response = await answer(request)
            except BaseException as error:
                _audit(request, outcome=_outcome(error), status=_status(error), reason=_reason(error))
                raise
            is_done = response.status_code < http.HTTPStatus.BAD_REQUEST
            _audit(request, outcome="done" if is_done else "failed", status=response.status_code, reason=None)
            return response

        return answer_audited


def include_routers(app: FastAPI, *routers: APIRouter, access: Access) -> None:
    """Add routers to the app; those of administrators only where there can be any."""
    for router in routers:
        if access.has_admin or not issubclass(router.route_class, AdminRoute):
            app.include_router(router)


def note(request: Request, **facts: object) -> None:
    """Add to the audit line of this request what its path does not say, for example a version out of its body."""
    request.scope["state"].setdefault(_STATE_NOTES, {}).update(facts)


def _admit(request: Request, context: Context) -> None:
    try:
        _announce(request, context.access.admit(shown_key(request)))
    except RateLimitedError as error:
        _announce_limit(request, context, error)
        raise


def _admit_admin(request: Request, context: Context) -> None:
    try:
        _announce(request, context.access.admit_admin(shown_key(request)))
    except RateLimitedError as error:
        _announce_limit(request, context, error)
        raise
    except ForbiddenKeyError as error:
        request.scope["state"][STATE_KEY] = error.key
        raise


def shown_key(request: Request) -> bytes | None:
    """Find the key in a request: the token of an `Authorization` header of the scheme Bearer."""
    for name, value in request.scope["headers"]:
        if name == _AUTHORIZATION:
            if value[: len(_SCHEME)].lower() != _SCHEME:
                return None
            return bytes(value[len(_SCHEME) :].strip()) or None
    return None


def _announce(request: Request, grant: Grant) -> None:
    state = request.scope["state"]
    state[STATE_KEY] = grant.key
    if grant.rate is not None and grant.spending is not None:
        state[STATE_HEADERS] = _rate_headers(
            limit=grant.rate.count,
            window_s=grant.rate.window_s,
            remaining=grant.spending.remaining,
            next_s=grant.spending.next_s,
        )


def _announce_limit(request: Request, context: Context, error: RateLimitedError) -> None:
    state = request.scope["state"]
    state[STATE_KEY] = error.key
    state[STATE_HEADERS] = _rate_headers(
        limit=error.limit, window_s=error.window_s, remaining=0, next_s=error.retry_after_s
    )
    context.metrics.model.rejections.labels(_model_of(request, context), "rate_limit").inc()


def _rate_headers(*, limit: int, window_s: int, remaining: int, next_s: float) -> list[tuple[bytes, bytes]]:
    """Say what the policy is, what is left, and for how many seconds no more than that is."""
    return [
        (b"ratelimit-policy", b'"%b";q=%d;w=%d' % (POLICY.encode(), limit, window_s)),
        (b"ratelimit", b'"%b";r=%d;t=%d' % (POLICY.encode(), remaining, math.ceil(next_s))),
    ]


def _model_of(request: Request, context: Context) -> str:
    """Name the model that a refused request was for, as far as its address tells."""
    path = request.path_params
    name = path.get("name") or path.get("model") or request.query_params.get("model") or context.registry.default
    return str(name) if name in context.registry.models else UNKNOWN_MODEL


def _audit(request: Request, *, outcome: str, status: int, reason: str | None) -> None:
    scope = request.scope
    state = scope["state"]
    audit(
        logging.INFO if outcome == "done" else logging.WARNING,
        "admin act",
        key=state.get(STATE_KEY),
        act=f"{scope['method']} {scope['route'].path}",
        target={**request.path_params, **state.get(_STATE_NOTES, {})},
        outcome=outcome,
        status=status,
        reason=reason,
        request_id=state.get(STATE_REQUEST_ID, ""),
    )


def _outcome(error: BaseException) -> str:
    if isinstance(error, (AccessError, RateLimitedError)):
        return "refused"
    return "cancelled" if isinstance(error, asyncio.CancelledError) else "failed"


def _status(error: BaseException) -> int:
    if isinstance(error, HTTPException):
        return error.status_code
    if isinstance(error, RequestValidationError):
        return PROBLEMS[InvalidParameterError].status
    return problem_of(error).status if isinstance(error, ConvserveError) else 500


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, ConvserveError) else type(error).__name__
