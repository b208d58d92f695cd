"""`GET /v2/health/...`: does the server live, and should it get traffic; apart from the others, like our own."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request

from service.api.context import context_of
from service.api.open_inference.documents import errors
from service.api.open_inference.schemas import ServerLive, ServerReady
from service.errors import UnavailableError

router: Final = APIRouter(tags=["open inference protocol"])

_RETRY_S: Final = 1.0


@router.get("/v2/health/live")
async def server_live() -> ServerLive:
    """Answer as long as the process and its event loop run."""
    return ServerLive(live=True)


@router.get("/v2/health/ready", responses=errors(503))
async def server_ready(request: Request) -> ServerReady:
    """Answer 200 when every model is verified and warm and the service is not shutting down."""
    waiting_for = context_of(request).waiting_for()
    if waiting_for:
        raise UnavailableError(f"Not ready: {'; '.join(waiting_for)}.", retry_after_s=_RETRY_S)
    return ServerReady(ready=True)
