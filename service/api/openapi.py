"""Puts into the OpenAPI document what FastAPI does not know: the problem body that every error answers with."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service.api.open_inference.documents import describe_protocol
from service.api.problems import MEDIA_TYPE
from service.api.responses import problems
from service.api.schemas import ProblemBody

_UNUSED_SCHEMAS = ("HTTPValidationError", "ValidationError")


def describe(app: FastAPI) -> None:
    """Make the app's OpenAPI document tell the truth about errors."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's own way of replacing the document


def _document(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
    for operations in schema["paths"].values():
        for operation in operations.values():
            answers = operation["responses"]
            if "422" in answers and MEDIA_TYPE not in answers["422"].get("content", {}):
                answers["422"] = problems(422)[422]
    components = schema.setdefault("components", {}).setdefault("schemas", {})
    for name in _UNUSED_SCHEMAS:
        components.pop(name, None)
    components[ProblemBody.__name__] = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
    describe_protocol(schema)
    return schema
