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
from service.api import administration, health, predict, repository, torchserve
from service.api.bodies import BodyBudget
from service.api.context import Context
from service.api.documentation import add_documentation
from service.api.middleware import RequestRecorder
from service.api.open_inference import routes as open_inference
from service.api.openapi import describe
from service.api.problems import answer_convserve_error, answer_http_exception, answer_validation_error
from service.api.refusals import Refusals
from service.api.security import include_routers
from service.api.shadowing import Shadows
from service.engine.cores import usable_cores
from service.engine.scheduler import Scheduler
from service.errors import ConfigurationError, ConvserveError
from service.fleet.membership import Fleet, Member
from service.repository.keeper import Keeper
from service.repository.loading import Loader
from service.repository.operator import Operator
from service.repository.publishing import Publishing
from service.repository.registry import Registry
from service.repository.tuner import Tuner
from service.repository.watcher import Watcher
from service.security.access import Access
from service.security.rate_cells import OwnCells, RateCells
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
    member: Member | None = None,
    rate_cells: RateCells | None = None,
) -> FastAPI:
    """Build the application.

    Args:
        settings: How to serve.
        on_failure: Called on the event loop when the service can never become ready, for example without the GPU that
            was demanded; the process should then end.
        on_loaded: Called on the event loop when every model has been tried, unless the service can never become ready.
        shared: Where this worker counts together with others; None where there are no others.
        member: Through which this worker agrees with others on what is live; None where there are no others.
        rate_cells: Where it keeps what keys have spent, together with others; None where there are no others.

    Raises:
        ConfigurationError: The models folder is missing, or does not hold the default model, or a file of keys cannot
            be used.

    """
    metrics = Metrics(version=VERSION, runtime=_versions(), shared=shared)
    scheduler = Scheduler(threads=settings.threads or usable_cores())
    _require_form(settings, scheduler)
    loader = Loader(settings=settings, scheduler=scheduler, series=metrics.model)
    member = member or Member(Fleet())
    watcher = Watcher(settings.models_dir)
    registry = Registry(settings, member=member, seen=watcher.at_rest.values())
    tuner = Tuner(loader)
    keeper = Keeper(
        settings,
        registry=registry,
        member=member,
        watcher=watcher,
        loader=loader,
        publishing=Publishing(metrics.model, wanted_provider=settings.providers[0]),
        on_loaded=tuner.enqueue,
    )
    context = Context(
        registry=registry,
        operator=Operator(registry, member=member, keeper=keeper),
        keeper=keeper,
        scheduler=scheduler,
        metrics=metrics,
        bodies=BodyBudget(
            body_bytes=settings.max_body_bytes,
            total_bytes=max(settings.max_held_bytes, settings.max_body_bytes),
            body_s=settings.body_timeout_ms / 1000,
        ),
        refusals=Refusals(),
        shadows=Shadows(clock=scheduler.clock, patience_s=settings.deadline_ms / 1000),
        access=Access(
            api_keys_file=settings.api_keys_file,
            admin_key_file=settings.admin_key_file,
            cells=rate_cells or OwnCells(),
            metrics=metrics.access,
        ),
        deadline_s=settings.deadline_ms / 1000,
    )
    app = FastAPI(
        title=TITLE,
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would name whatever host the caller claims to speak to
        lifespan=_lifespan(context, tuner, on_failure, on_loaded, drain_s=settings.drain_timeout_ms / 1000),
    )
    app.state.context = context
    _add_routes(app, context.access)
    app.add_middleware(RequestRecorder, metrics=metrics)
    _expect_series(app, metrics)
    metrics.unauthenticated.set(is_exposed(settings))
    if shared is None:
        warn_of_exposure(settings)
    return app


def _require_form(settings: Settings, scheduler: Scheduler) -> None:
    if settings.form in ("wide", "both") and scheduler.threads == 1:
        raise ConfigurationError(
            f"CONVSERVE_FORM={settings.form} runs a network on several threads, and each process may use one: set "
            "fewer CONVSERVE_WORKERS, more CONVSERVE_THREADS or processors for its container, or CONVSERVE_FORM=narrow."
        )


def _lifespan(
    context: Context,
    tuner: Tuner,
    on_failure: Callable[[ConvserveError], None] | None,
    on_loaded: Callable[[], None] | None,
    *,
    drain_s: float,
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        context.scheduler.start()
        context.access.watch.start()
        loop = asyncio.get_running_loop()

        def told(failure: ConvserveError | None) -> None:
            _post(loop, _tell, context, failure, on_failure, on_loaded)
            tuner.begin()

        keeping = _on_thread(lambda: _keep(context.keeper, told), name="keeping")
        tuning = _on_thread(tuner.run, name="tuning")
        yield
        context.scheduler.drain()
        context.access.watch.stop()
        context.keeper.stop()
        tuner.stop()
        until_s = context.scheduler.draining_since_s + drain_s
        await asyncio.wait((keeping, tuning), timeout=max(0.0, until_s - context.scheduler.clock()))
        patience_s = max(0.0, until_s - context.scheduler.clock())
        ended = await asyncio.to_thread(context.scheduler.stop, patience_s=patience_s)
        for model in context.registry.loaded():
            patience_s = max(0.0, until_s - context.scheduler.clock())
            ended = ended and await asyncio.to_thread(model.lane.stop, patience_s=patience_s)
        context.ended_cleanly = ended and keeping.done() and tuning.done()

    return lifespan


def _keep(keeper: Keeper, told: Callable[[ConvserveError | None], None]) -> None:
    """Load all models, and keep them as they are wanted afterwards.

    Args:
        keeper: Does both.
        told: Called when all models have been tried, with what keeps the service from ever serving.

    """
    try:
        keeper.start_up()
    except ConvserveError as error:
        told(error)
        return
    told(None)
    keeper.run()


def _tell(
    context: Context,
    failure: ConvserveError | None,
    on_failure: Callable[[ConvserveError], None] | None,
    on_loaded: Callable[[], None] | None,
) -> None:
    _tell_of_loading(context, failure)
    if failure is not None and on_failure is not None:
        on_failure(failure)
    if failure is None and on_loaded is not None:
        on_loaded()


def _on_thread(work: Callable[[], None], *, name: str) -> asyncio.Future[None]:
    """Do work on a thread that does not keep the process alive.

    Returns:
        Done when the thread is.

    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def run() -> None:
        try:
            work()
        finally:
            _post(loop, ended.set_result, None)

    threading.Thread(target=run, name=name, daemon=True).start()
    return ended


def _post(loop: asyncio.AbstractEventLoop, call: Callable[..., None], *arguments: object) -> None:
    with suppress(RuntimeError):  # the event loop has ended meanwhile; nobody waits any more
        loop.call_soon_threadsafe(call, *arguments)


def _tell_of_loading(context: Context, failure: ConvserveError | None) -> None:
    if failure is not None:
        log(logging.CRITICAL, "cannot serve", reason=str(failure))
    elif waiting_for := context.registry.waiting_for():
        log(logging.ERROR, "not ready", waiting_for=waiting_for)
    else:
        log(logging.INFO, "ready", models=list(context.registry.models), default=context.registry.default)


def _add_routes(app: FastAPI, access: Access) -> None:
    include_routers(
        app,
        predict.router,
        repository.router,
        administration.router,
        *open_inference.ROUTERS,
        torchserve.router,
        torchserve.health_router,
        health.router,
        access=access,
    )
    add_documentation(app, title=TITLE)
    describe(app, access=access)
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


def is_exposed(settings: Settings) -> bool:
    """Tell whether anyone who reaches the port may use the service."""
    return settings.api_keys_file is None and not _is_loopback(settings.host)


def warn_of_exposure(settings: Settings) -> None:
    """Say so once, however many workers there are."""
    if is_exposed(settings):
        log(
            logging.WARNING,
            "anyone who reaches this port may use the service",
            host=settings.host,
            port=settings.port,
            advice="set CONVSERVE_API_KEYS_FILE, and CONVSERVE_REQUIRE_KEYS=true to never start without",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
