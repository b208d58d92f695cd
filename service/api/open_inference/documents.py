"""What the protocol's routes have in common in the OpenAPI document: their error, and the two forms of a request."""

from __future__ import annotations

import http
from typing import Any, Final

from pydantic import BaseModel

from service.api.open_inference.message import LENGTH_HEADER
from service.api.open_inference.schemas import (
    IndexRequest,
    InferenceError,
    InferenceRequest,
    InferenceResponse,
    ParametersRequest,
)

INFER_ERRORS: Final = (400, 404, 408, 413, 415, 500, 503, 504)
REQUEST_SCHEMAS: Final[tuple[type[BaseModel], ...]] = (InferenceRequest, IndexRequest, ParametersRequest)

_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}
_LENGTH: Final = {"description": "length of the JSON, where binary data follows it", "schema": {"type": "integer"}}

INFER_BODY: Final[dict[str, Any]] = {
    "parameters": [{"name": LENGTH_HEADER, "in": "header", "required": False, **_LENGTH}],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": f"#/components/schemas/{InferenceRequest.__name__}"}},
            "application/octet-stream": _BINARY,
        },
    },
}
INDEX_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": False,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{IndexRequest.__name__}"}}},
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


def written_errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Write error responses as they stand in an OpenAPI document that is made already."""
    schema = {"$ref": f"#/components/schemas/{InferenceError.__name__}"}
    return {
        status: {"description": http.HTTPStatus(status).phrase, "content": {"application/json": {"schema": schema}}}
        for status in statuses
    }


INFER_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "model": InferenceResponse,
        "content": {"application/octet-stream": _BINARY},
        "headers": {LENGTH_HEADER: _LENGTH},
    },
    **errors(*INFER_ERRORS),
}
