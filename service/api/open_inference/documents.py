"""What the protocol's routes have in common in the OpenAPI document: their error, and the two forms of a request."""

from __future__ import annotations

import http
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service.api.open_inference.form import is_spoken_at
from service.api.open_inference.message import LENGTH_HEADER
from service.api.open_inference.schemas import (
    IndexRequest,
    InferenceError,
    InferenceRequest,
    InferenceResponse,
    ParametersRequest,
)
from service.api.problems import MEDIA_TYPE

INFER_ERRORS: Final = (400, 404, 408, 413, 415, 500, 503, 504)
_PLACE: Final = "#/components/schemas/"
_REQUESTS: Final[tuple[type[BaseModel], ...]] = (InferenceRequest, IndexRequest, ParametersRequest)
_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_LENGTH: Final = {"description": "length of the JSON, where binary data follows it", "schema": {"type": "integer"}}

INFER_BODY: Final[dict[str, Any]] = {
    "parameters": [{"name": LENGTH_HEADER, "in": "header", "required": False, **_LENGTH}],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": f"{_PLACE}{InferenceRequest.__name__}"}},
            "application/octet-stream": _BINARY,
        },
    },
}
INDEX_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": False,
        "content": {"application/json": {"schema": {"$ref": f"{_PLACE}{IndexRequest.__name__}"}}},
    }
}


PARAMETERS_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": False,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{ParametersRequest.__name__}"}}},
    }
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declare error responses for a route of the protocol."""
    return {status: {"model": InferenceError, "description": http.HTTPStatus(status).phrase} for status in statuses}


INFER_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "model": InferenceResponse,
        "content": {"application/octet-stream": _BINARY},
        "headers": {LENGTH_HEADER: _LENGTH},
    },
    **errors(*INFER_ERRORS),
}


def describe_protocol(schema: dict[str, Any]) -> None:
    """Put the bodies that are read here into an OpenAPI document, and make its problems under /v2 protocol errors.

    Args:
        schema: The document, which may have any problem at any route.

    """
    _, defined = models_json_schema([(body, "validation") for body in _REQUESTS], ref_template=f"{_PLACE}{{model}}")
    schema["components"]["schemas"] |= defined["$defs"]
    for path, operations in schema["paths"].items():
        if is_spoken_at(path):
            for operation in operations.values():
                _turn_problems(operation["responses"])


def _turn_problems(answers: dict[str, Any]) -> None:
    answers.pop("422", None)  # told as 400
    for answer in answers.values():
        if MEDIA_TYPE in answer.get("content", {}):
            answer["content"] = {"application/json": {"schema": {"$ref": f"{_PLACE}{InferenceError.__name__}"}}}
