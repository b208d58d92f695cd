"""`POST /v2/repository/...`: every version of every model, loaded or not; load and unload for administrators.

The protocol loads and unloads models, not versions: loading looks at the folder again and lets the newest version
answer, unloading takes the model out of memory as a whole.
"""

from __future__ import annotations

from typing import Any, Final

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.api.context import context_of
from service.api.open_inference import json_values
from service.api.open_inference.documents import INDEX_BODY, PARAMETERS_BODY, errors
from service.api.open_inference.schemas import IndexEntry
from service.api.security import AdminRoute, KeyedRoute
from service.errors import MalformedBodyError
from service.repository.live_model import State, Version
from service.repository.model import Model

router: Final = APIRouter(tags=["open inference protocol"], route_class=KeyedRoute)
admin_router: Final = APIRouter(tags=["open inference protocol"], route_class=AdminRoute)

_DONE: Final[dict[int | str, dict[str, Any]]] = {200: {"description": "Done.", "content": {}}}
_UNLOAD_RESPONSES: Final = {**_DONE, **errors(400, 404, 408, 413, 503, 504)}
_LOAD_RESPONSES: Final = {**_UNLOAD_RESPONSES, **errors(409)}  # a version that is refused
_STATES: Final = {
    State.READY: "READY",
    State.LOADING: "LOADING",
    State.AVAILABLE: "UNAVAILABLE",
    State.REFUSED: "UNAVAILABLE",
}


@router.post("/v2/repository/index", responses=errors(400, 408, 413, 503, 504), openapi_extra=INDEX_BODY)
async def repository_index(request: Request) -> list[IndexEntry]:
    """List every version of every model, or those that can answer."""
    context = context_of(request)
    async with context.bodies.body_of(request, patience_s=context.deadline_s) as body:
        ready_only = _ready_only(body)
    return [
        _entry(model, number, version)
        for model in context.registry.models.values()
        for number, version in model.versions.items()
        if version.state is State.READY or not ready_only
    ]


@admin_router.post(
    "/v2/repository/models/{name}/load",
    response_class=Response,
    responses=_LOAD_RESPONSES,
    openapi_extra=PARAMETERS_BODY,
)
async def load_model(request: Request, name: str) -> Response:
    """Look at the folder of a model again, and let its newest version answer, or the one that is pinned."""
    await _require_parameters(request, known=())
    await context_of(request).operator.load_model(name)
    return Response(status_code=200)


@admin_router.post(
    "/v2/repository/models/{name}/unload",
    response_class=Response,
    responses=_UNLOAD_RESPONSES,
    openapi_extra=PARAMETERS_BODY,
)
async def unload_model(request: Request, name: str) -> Response:
    """Take a model out of memory; no model here depends on another."""
    await _require_parameters(request, known=("unload_dependents",))
    await context_of(request).operator.unload_model(name)
    return Response(status_code=200)


async def _require_parameters(request: Request, *, known: tuple[str, ...]) -> None:
    """Refuse what a client asks for and would not get, such as a configuration of its own."""
    context = context_of(request)
    async with context.bodies.body_of(request, patience_s=context.deadline_s) as body:
        members = json_values.members(_document(body), "The request", known=("parameters",)) if body else {}
        json_values.members(members.get("parameters", {}), "parameters", known=known)


def _document(body: bytes) -> object:
    try:
        document: object = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedBodyError(f"The body is no JSON: {error}.") from error
    return document


def _ready_only(body: bytes) -> bool:
    if not body:
        return False
    members = json_values.members(_document(body), "The request", known=("ready",))
    return json_values.flag(members.get("ready", False), "ready")


def _entry(model: Model, number: int, version: Version) -> IndexEntry:
    reason = version.reason
    if version.state is State.AVAILABLE:
        live = model.live
        reason = "not loaded" if live is None else f"not loaded; version {live.manifest.version} is live"
    return IndexEntry(name=model.name, version=str(number), state=_STATES[version.state], reason=reason)
