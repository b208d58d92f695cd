"""What an administrator does to models while they are served: load, unload, choose what answers, split the traffic.

Each act answers when every worker has followed it, with what is then true. There are such routes only where there is
an administrator's key.
"""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request

from service.api.context import context_of
from service.api.repository import detail_of, version_of
from service.api.responses import VersionNumber, problems
from service.api.schemas import DefaultRequest, ModelDetail, TrafficRequest, VersionDetail
from service.api.security import AdminRoute, note
from service.fleet.plan import Canary

router: Final = APIRouter(tags=["administration"], route_class=AdminRoute)

_PROBLEMS: Final = problems(404, 409, 422, 503)


@router.post("/models/{name}/versions/{version}/load", responses=_PROBLEMS)
async def load_version(request: Request, name: str, version: VersionNumber) -> VersionDetail:
    """Load a version beside the live one, so that requests can name it; one that is loaded stays so."""
    context = context_of(request)
    await context.operator.load(name, version)
    return version_of(context.registry.find(name), version)


@router.post("/models/{name}/versions/{version}/unload", responses=_PROBLEMS)
async def unload_version(request: Request, name: str, version: VersionNumber) -> VersionDetail:
    """Take a version out of memory; requests that were given to it still get their answers."""
    context = context_of(request)
    await context.operator.unload(name, version)
    return version_of(context.registry.find(name), version)


@router.post("/models/{name}/default", responses=_PROBLEMS)
async def choose_version(request: Request, name: str, body: DefaultRequest) -> ModelDetail:
    """Let a version answer the requests that name none, and keep it so whatever is published afterwards."""
    note(request, version=body.version)
    context = context_of(request)
    await context.operator.choose(name, body.version)
    return detail_of(context.registry.find(name), context.registry.default)


@router.put("/models/{name}/traffic", responses=_PROBLEMS)
async def split_traffic(request: Request, name: str, body: TrafficRequest) -> ModelDetail:
    """Give another version a share of the traffic, or let it see the pictures and compare; left out: no longer."""
    note(request, **body.model_dump())
    context = context_of(request)
    canary = Canary(body.canary.version, body.canary.share) if body.canary else None
    await context.operator.split(name, canary=canary, shadow=body.shadow)
    return detail_of(context.registry.find(name), context.registry.default)
