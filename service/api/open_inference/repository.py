"""`POST /v2/repository/index`: every version of every model, loaded or not.

The place of the extension's two other verbs, `/v2/repository/models/{name}/load` and `.../unload`: like those of our
own routes they belong behind the admin key, and until there is one they do not exist.
"""

from __future__ import annotations

from typing import Final

import orjson
from fastapi import APIRouter
from starlette.requests import Request

from service.api.context import context_of
from service.api.open_inference import json_values
from service.api.open_inference.documents import INDEX_BODY, errors
from service.api.open_inference.schemas import IndexEntry
from service.errors import MalformedBodyError
from service.repository.live_model import State, Version
from service.repository.registry import Model

router: Final = APIRouter(tags=["open inference protocol"])

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


def _ready_only(body: bytes) -> bool:
    if not body:
        return False
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedBodyError(f"The body is no JSON: {error}.") from error
    members = json_values.members(document, "The request", known=("ready",))
    return json_values.flag(members.get("ready", False), "ready")


def _entry(model: Model, number: int, version: Version) -> IndexEntry:
    reason = version.reason
    if version.state is State.AVAILABLE:
        live = model.live
        reason = "not loaded" if live is None else f"not loaded; version {live.manifest.version} is live"
    return IndexEntry(name=model.name, version=str(number), state=_STATES[version.state], reason=reason)
