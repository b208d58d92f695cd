"""Puts into the OpenAPI document what FastAPI does not know: the body of errors, bodies that we read ourselves, keys.

It describes this service as it is set: where keys are in use it says which routes need one and how they refuse.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service.api.key_document import describe_keys
from service.api.open_inference.documents import REQUEST_SCHEMAS
from service.api.open_inference.form import is_spoken_at
from service.api.problems import MEDIA_TYPE
from service.api.responses import problems
from service.api.schemas import ProblemBody
from service.security.access import Access

_UNUSED_SCHEMAS = ("HTTPValidationError", "ValidationError")
_PLACE = "#/components/schemas/"


def describe(app: FastAPI, *, access: Access) -> None:
    """Make the app's OpenAPI document tell the truth about errors and keys."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, access)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's own way of replacing the document


def _document(app: FastAPI, access: Access) -> dict[str, Any]:
    schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            answers = operation["responses"]
            if is_spoken_at(path):
                answers.pop("422", None)
            elif "422" in answers and MEDIA_TYPE not in answers["422"].get("content", {}):
                answers["422"] = problems(422)[422]
    components = schema.setdefault("components", {}).setdefault("schemas", {})
    for name in _UNUSED_SCHEMAS:
        components.pop(name, None)
    bodies: tuple[type[BaseModel], ...] = (ProblemBody, *REQUEST_SCHEMAS)
    _, defined = models_json_schema([(body, "validation") for body in bodies], ref_template=f"{_PLACE}{{model}}")
    components |= defined["$defs"]
    describe_keys(app, schema, access=access)
    return schema
