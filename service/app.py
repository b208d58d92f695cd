"""The application: its objects, its routes and its life, put together.

`create_app` reads the models folder and fails at once where it cannot serve; the models themselves load after the app
has started, and readiness tells when they are verified.
"""

from __future__ import annotations

import ipaddress
import logging
import platform
from collections.abc import Callable
from importlib.metadata import version as installed_version
from typing import Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from service import VERSION
from service.api import administration, health, predict, repository, torchserve
from service.api.documentation import add_documentation
from service.api.middleware import RequestRecorder
from service.api.open_inference import routes as open_inference
from service.api.openapi import describe
from service.api.problems import answer_convserve_error, answer_http_exception, answer_validation_error
from service.api.security import include_routers
from service.company import Company
from service.composition import compose
from service.errors import ConvserveError
from service.lifespan import lifespan_of
from service.security.access import Access
from service.settings import Settings
from service.telemetry.logs import log
from service.telemetry.metrics import Metrics

TITLE: Final = "convserve"


def create_app(
    settings: Settings,
    *,
    on_failure: Callable[[ConvserveError], None] | None = None,
    on_loaded: Callable[[], None] | None = None,
    company: Company | None = None,
) -> FastAPI:
    """Build the application.

    Args:
        settings: How to serve.
        on_failure: Called on the event loop when the service can never become ready, for example without the GPU that
            was demanded; the process should then end.
        on_loaded: Called on the event loop when every model has been tried, unless the service can never become ready.
        company: What this worker has in common with others; None where there are no others.

    Raises:
        ConfigurationError: The models folder is missing, or does not hold the default model, or a file of keys cannot
            be used.

    """
    company = company or Company()
    metrics = Metrics(version=VERSION, runtime=_versions(), shared=company.series)
    context, tuner = compose(settings, metrics=metrics, company=company)
    app = FastAPI(
        title=TITLE,
        version=VERSION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would name whatever host the caller claims to speak to
        lifespan=lifespan_of(
            context,
            tuner,
            on_failure=on_failure,
            on_loaded=on_loaded,
            drain_s=settings.drain_timeout_ms / 1000,
        ),
    )
    app.state.context = context
    _add_routes(app, context.access)
    app.add_middleware(RequestRecorder, metrics=metrics)
    _expect_series(app, metrics)
    metrics.unauthenticated.set(is_exposed(settings))
    if company.series is None:
        warn_of_exposure(settings)
    return app


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
