"""Does the process live, should it get traffic, and its metrics; never behind a key, never behind inference."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from service.api.context import context_of
from service.api.schemas import HealthBody
from service.telemetry.metrics import CONTENT_TYPE

router: Final = APIRouter(tags=["health"])


@router.head("/livez", include_in_schema=False)
@router.head("/healthz", include_in_schema=False)
@router.get("/livez", response_model=HealthBody)
@router.get("/healthz", response_model=HealthBody)
async def live() -> Response:
    """Answer as long as the process and its event loop run."""
    return JSONResponse({"status": "live", "waiting_for": []})


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz", response_model=HealthBody, responses={503: {"model": HealthBody}})
async def ready(request: Request) -> Response:
    """Answer 200 when every model is verified and warm and the service is not shutting down."""
    waiting_for = context_of(request).waiting_for()
    if waiting_for:
        return JSONResponse({"status": "not ready", "waiting_for": waiting_for}, 503, headers={"retry-after": "1"})
    return JSONResponse({"status": "ready", "waiting_for": []})


@router.get(
    "/metrics", response_class=Response, responses={200: {"content": {CONTENT_TYPE: {"schema": {"type": "string"}}}}}
)
async def metrics(request: Request) -> Response:
    """Show every series in Prometheus' text format."""
    return Response(context_of(request).metrics.render(), headers={"content-type": CONTENT_TYPE})
