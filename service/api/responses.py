"""What routes have in common in the OpenAPI document: problem responses and the forms of a picture."""

from __future__ import annotations

import http
from typing import Annotated, Any, Final

from fastapi import Path

from service.api.problems import MEDIA_TYPE
from service.api.schemas import LARGEST_NUMBER, ProblemBody

__all__ = ["LARGEST_NUMBER", "PICTURE_BODY", "PREDICT_PROBLEMS", "VersionNumber", "problems"]

PREDICT_PROBLEMS: Final = (400, 404, 408, 413, 415, 422, 500, 503, 504)

VersionNumber = Annotated[int, Path(ge=1, le=LARGEST_NUMBER)]

_BINARY: Final = {"schema": {"type": "string", "format": "binary"}}


def _header(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "schema": schema, "description": description}


PICTURE_BODY: Final[dict[str, Any]] = {
    "parameters": [
        _header(
            "X-Request-Timeout-Ms",
            {"type": "integer", "minimum": 1},
            "how long the answer is of use; work past it is dropped",
        ),
        _header("Priority", {"type": "string"}, "RFC 9218: u=4 to u=7 waits behind the others"),
    ],
    "requestBody": {
        "required": True,
        "description": "A picture: JPEG, PNG, WebP, GIF, BMP or AVIF. Its bytes decide, not the type announced.",
        "content": {
            "image/*": _BINARY,
            "application/octet-stream": _BINARY,
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "Several parts of this name are several pictures; image and data are other "
                            "names of it.",
                        }
                    },
                    "required": ["file"],
                }
            },
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "inputs": {
                            "oneOf": [
                                {"type": "string", "contentEncoding": "base64"},
                                {"type": "array", "items": {"type": "string", "contentEncoding": "base64"}},
                            ]
                        },
                        "parameters": {"type": "object", "properties": {"top_k": {"type": "integer", "minimum": 1}}},
                    },
                    "required": ["inputs"],
                }
            },
        },
    },
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declare problem responses for a route."""
    schema = {"$ref": f"#/components/schemas/{ProblemBody.__name__}"}
    return {
        status: {"description": http.HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }
