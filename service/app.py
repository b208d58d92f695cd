"""The composition root: builds every object once and wires them.

`create_app` reads the models folder and fails at once where it cannot serve; the models themselves load on a thread
after the app has started, so that liveness answers from the first moment and readiness tells when they are verified.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import platform
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from importlib.metadata import version as installed_version
from typing import Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from service import VERSION
from service.api import health, predict, repository, torchserve
from service.api.bodies import BodyBudget
from service.api.context import Context
from service.api.documentation import add_documentation
from service.api.middleware import RequestRecorder
from service.api.open_inference import routes as open_inference
from service.api.openapi import describe
from service.api.problems import answer_convserve_error, answer_http_exception, answer_validation_error
from service.api.refusals import Refusals
from service.engine.cores import usable_cores
from service.engine.scheduler import Scheduler
from service.errors import ConfigurationError, ConvserveError
from service.repository.loading import Loader
from service.repository.registry import Registry
from service.repository.tuner import Tuner
from service.settings import Settings
from service.telemetry.logs import log
from service.telemetry.metrics import Metrics
from service.telemetry.shared_series import SharedSeries

TITLE: Final = "convserve"


def create_app(
    settings: Settings,
    *,
    on_failure: Callable[[ConvserveError], None] | None = None,
    on_loaded: Callable[[], None] | None = None,
    shared: SharedSeries | None = None,
) -> FastAPI:
    """Build the application.

    Args:
        settings: How to serve.
        on_failure: Called on the event loop when the service can never become ready, for example without the GPU that
            was demanded; the process should then end.
        on_loaded: Called on the event loop when every model has been tried, unless the service can never become ready.
        shared: Where this worker counts together with others; None where there are no others.

    Raises:
        ConfigurationError: The models folder is missing, or does not hold the default model.

    """
    metrics = Metrics(version=VERSION, runtime=_versions(), shared=shared)
    scheduler = Scheduler(threads=settings.threads or usable_cores())
    _require_form(settings, scheduler)
    loader = Loader(settings=settings, scheduler=scheduler, series=metrics.model)
    registry = Registry(settings, loader=loader, series=metrics.model)
    context = Context(
        registry=registry,
        scheduler=scheduler,
        metrics=metrics,
        bodies=BodyBudget(
            body_bytes=settings.max_body_bytes,
            total_bytes=max(settings.max_held_bytes, settings.max_body_bytes),
            body_s=settings.body_timeout_ms / 1000,
        ),
        refusals=Refusals(),
        deadline_s=settings.deadline_ms / 1000,
    )
    app = FastAPI(
        title=TITLE,
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would name whatever host the caller claims to speak to
        lifespan=_lifespan(context, loader, on_failure, on_loaded, drain_s=settings.drain_timeout_ms / 1000),
    )
    app.state.context = context
    _add_routes(app)
    app.add_middleware(RequestRecorder, metrics=metrics)
    _expect_series(app, metrics)
    _tell_of_exposure(settings, metrics)
    return app


def _require_form(settings: Settings, scheduler: Scheduler) -> None:
    if settings.form in ("wide", "both") and scheduler.threads == 1:
        raise ConfigurationError(
            f"CONVSERVE_FORM={settings.form} runs a network on several threads, and this process may use one: see "
            "CONVSERVE_THREADS and the processor limit of its container, or set CONVSERVE_FORM=narrow."
        )


def _lifespan(
    context: Context,
    loader: Loader,
    on_failure: Callable[[ConvserveError], None] | None,
    on_loaded: Callable[[], None] | None,
    *,
    drain_s: float,
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        context.scheduler.start()
        tuner = Tuner(loader)
        loading = _start_loading(context, on_failure, on_loaded, then=lambda: tuner.tune_all(context.registry.live()))
        yield
        context.scheduler.drain()
        tuner.stopping.set()
        until_s = context.scheduler.draining_since_s + drain_s
        await asyncio.wait((loading,), timeout=max(0.0, until_s - context.scheduler.clock()))
        patience_s = max(0.0, until_s - context.scheduler.clock())
        ended = await asyncio.to_thread(context.scheduler.stop, patience_s=patience_s)
        if ended:
            for model in context.registry.live():
                await asyncio.to_thread(model.lane.stop)
        context.ended_cleanly = ended and loading.done()

    return lifespan


def _start_loading(
    context: Context,
    on_failure: Callable[[ConvserveError], None] | None,
    on_loaded: Callable[[], None] | None,
    *,
    then: Callable[[], None],
) -> asyncio.Future[None]:
    """Load all models on a thread that does not keep the process alive, and do `then` there when they answer.

    Returns:
        Done when the thread is.

    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def tell(failure: ConvserveError | None) -> None:
        _tell_of_loading(context, failure)
        if failure is not None and on_failure is not None:
            on_failure(failure)
        if failure is None and on_loaded is not None:
            on_loaded()

    def post(call: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the event loop has ended meanwhile; nobody waits any more
            loop.call_soon_threadsafe(call, *arguments)

    def load() -> None:
        failure: ConvserveError | None = None
        try:
            context.registry.load_all()
        except ConvserveError as error:
            failure = error
        try:
            post(tell, failure)
            then()
        finally:
            post(ended.set_result, None)

    threading.Thread(target=load, name="loading", daemon=True).start()
    return ended


def _tell_of_loading(context: Context, failure: ConvserveError | None) -> None:
    if failure is not None:
        log(logging.CRITICAL, "cannot serve", reason=str(failure))
    elif waiting_for := context.registry.waiting_for():
        log(logging.ERROR, "not ready", waiting_for=waiting_for)
    else:
        log(logging.INFO, "ready", models=list(context.registry.models), default=context.registry.default)


def _add_routes(app: FastAPI) -> None:
    own = (predict.router, repository.router, health.router)
    for router in (*own, *open_inference.ROUTERS, torchserve.router, torchserve.health_router):
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
    exposed = not _is_loopback(settings.host)
    metrics.unauthenticated.set(exposed)
    if exposed:
        log(logging.WARNING, "anyone who reaches this port may use the service", host=settings.host, port=settings.port)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
