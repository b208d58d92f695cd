"""The composition root: builds every object once and wires them.

`create_app` reads the models folder and fails at once where it cannot serve; the models themselves load on a thread
after the app has started, so that liveness answers from the first moment and readiness tells when they are verified.
"""

from __future__ import annotations

import asyncio
import logging
import platform
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version as installed_version
from typing import Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from service import VERSION
from service.api import health, predict, repository
from service.api.context import Context
from service.api.documentation import add_documentation
from service.api.middleware import RequestRecorder
from service.api.openapi import describe
from service.api.problems import answer_convserve_error, answer_http_exception, answer_validation_error
from service.api.uploads import Limits
from service.engine.cores import usable_cores
from service.engine.scheduler import Scheduler
from service.errors import ConvserveError
from service.repository.loading import Loader
from service.repository.registry import Registry
from service.settings import Settings
from service.telemetry.logs import log
from service.telemetry.metrics import Metrics

TITLE: Final = "convserve"
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


def create_app(settings: Settings, *, on_failure: Callable[[ConvserveError], None] | None = None) -> FastAPI:
    """Build the application.

    Args:
        settings: How to serve.
        on_failure: Called on the event loop when the service can never become ready, for example without the GPU that
            was demanded; the process should then end.

    Raises:
        ConfigurationError: The models folder is missing, or does not hold the default model.

    """
    metrics = Metrics(version=VERSION, runtime=_versions())
    scheduler = Scheduler(threads=settings.threads or usable_cores())
    loader = Loader(settings=settings, scheduler=scheduler, series=metrics.model)
    registry = Registry(settings, loader=loader, series=metrics.model)
    context = Context(
        registry=registry,
        scheduler=scheduler,
        metrics=metrics,
        limits=Limits(body_bytes=settings.max_body_bytes, body_s=settings.body_timeout_ms / 1000),
        deadline_s=settings.deadline_ms / 1000,
    )
    app = FastAPI(title=TITLE, version=VERSION, docs_url=None, redoc_url=None, lifespan=_lifespan(context, on_failure))
    app.state.context = context
    _add_routes(app)
    app.add_middleware(RequestRecorder, metrics=metrics)
    _expect_series(app, metrics)
    _tell_of_exposure(settings, metrics)
    return app


def _lifespan(
    context: Context, on_failure: Callable[[ConvserveError], None] | None
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        context.scheduler.start()
        loading = asyncio.create_task(_load(context, on_failure))
        yield
        context.scheduler.drain()
        await loading
        await asyncio.to_thread(context.scheduler.stop)

    return lifespan


async def _load(context: Context, on_failure: Callable[[ConvserveError], None] | None) -> None:
    try:
        await asyncio.to_thread(context.registry.load_all)
    except ConvserveError as error:
        log(logging.CRITICAL, "cannot serve", reason=str(error))
        if on_failure is not None:
            on_failure(error)
        return
    waiting_for = context.registry.waiting_for()
    if waiting_for:
        log(logging.ERROR, "not ready", waiting_for=waiting_for)
    else:
        log(logging.INFO, "ready", models=list(context.registry.models), default=context.registry.default)


def _add_routes(app: FastAPI) -> None:
    for router in (predict.router, repository.router, health.router):
        app.include_router(router)
    add_documentation(app, title=TITLE)
    describe(app)
    app.add_exception_handler(ConvserveError, answer_convserve_error)
    app.add_exception_handler(HTTPException, answer_http_exception)
    app.add_exception_handler(RequestValidationError, answer_validation_error)


def _expect_series(app: FastAPI, metrics: Metrics) -> None:
    """Create the request series of every documented route and status before the first request."""
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            codes = [int(code) for code in operation["responses"]]
            metrics.expect(method=method.upper(), route=path, codes=codes)


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), "onnxruntime": installed_version_of("onnxruntime", "onnxruntime-gpu")}


def installed_version_of(*distributions: str) -> str:
    """Return the version of the first of these distributions that is installed, else an empty string."""
    for name in distributions:
        try:
            return installed_version(name)
        except ModuleNotFoundError:
            continue
    return ""


def _tell_of_exposure(settings: Settings, metrics: Metrics) -> None:
    exposed = settings.host not in _LOOPBACK
    metrics.unauthenticated.set(exposed)
    if exposed:
        log(logging.WARNING, "anyone who reaches this port may use the service", host=settings.host, port=settings.port)
