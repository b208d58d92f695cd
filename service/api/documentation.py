"""`GET /docs`: the OpenAPI document as a page, with every asset served from here; nothing is loaded from elsewhere."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

ASSETS_ROUTE: Final = "/docs/assets"


def add_documentation(app: FastAPI, *, title: str) -> None:
    """Serve the page and its assets; the app itself must have its built-in page switched off."""
    page = get_swagger_ui_html(
        openapi_url=str(app.openapi_url),
        title=title,
        swagger_js_url=f"{ASSETS_ROUTE}/swagger-ui-bundle.js",
        swagger_css_url=f"{ASSETS_ROUTE}/swagger-ui.css",
        swagger_favicon_url=f"{ASSETS_ROUTE}/favicon.png",
    )

    @app.get("/docs", include_in_schema=False)
    async def documentation() -> HTMLResponse:
        return page

    app.mount(ASSETS_ROUTE, StaticFiles(directory=_assets_folder()), name="documentation-assets")


def _assets_folder() -> Path:
    """Find Swagger UI's files, which the package fastapi-offline carries; its code is not used."""
    spec = find_spec("fastapi_offline")
    if spec is None or spec.origin is None:
        raise RuntimeError("The package fastapi-offline, a requirement of the service, is not installed.")
    return Path(spec.origin).parent / "static"
