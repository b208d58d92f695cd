"""What the OpenAPI document says of keys: which routes need one, how they refuse, and the headers that tell of limits.

It describes this service as it is set: where no keys are in use it says nothing of them.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from service.api.responses import problems
from service.api.security import AdminRoute, KeyedRoute
from service.security.access import Access

_SCHEME: Final = "bearer"
_KEY_PROBLEMS: Final = (401, 429)
_ADMIN_PROBLEMS: Final = (401, 403, 429)
_CHALLENGE: Final[dict[str, Any]] = {
    "WWW-Authenticate": {"required": True, "schema": {"type": "string", "pattern": "^Bearer "}}
}
# A key without a rate gets neither; an answer of 429 always has both.
_LIMITS: Final[dict[str, Any]] = {
    "RateLimit-Policy": {
        "description": "How many requests (q) the key may send in how many seconds (w).",
        "schema": {"type": "string", "pattern": r'^"per-key";q=\d+;w=\d+$'},
    },
    "RateLimit": {
        "description": "How many are left (r), and for how many seconds (t) no more than that are.",
        "schema": {"type": "string", "pattern": r'^"per-key";r=\d+;t=\d+$'},
    },
}


def describe_keys(app: FastAPI, schema: dict[str, Any], *, access: Access) -> None:
    """Add to a document what the guards of its routes do."""
    for context in iter_route_contexts(app.routes):
        needs_admin = isinstance(context.original_route, AdminRoute)
        if not needs_admin and not (access.needs_key and isinstance(context.original_route, KeyedRoute)):
            continue
        for method in context.methods or ():
            operation = schema["paths"].get(context.path_format, {}).get(method.lower())
            if operation is not None:  # it is not hidden
                _describe_guard(operation, problems(*(_ADMIN_PROBLEMS if needs_admin else _KEY_PROBLEMS)))
                schema["components"].setdefault("securitySchemes", {})[_SCHEME] = {"type": "http", "scheme": _SCHEME}


def _describe_guard(operation: dict[str, Any], refusals: dict[int | str, dict[str, Any]]) -> None:
    operation["security"] = [{_SCHEME: []}]
    answers = operation["responses"]
    answers.update({str(status): answer for status, answer in refusals.items()})
    for status, answer in answers.items():
        headers = _CHALLENGE if status in ("401", "403") else _LIMITS
        answer["headers"] = {**answer.get("headers", {}), **headers}
