"""Holds an answer against what the OpenAPI document says of its route, status and type."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator


def require_described(document: dict[str, Any], answer: Any, *, route: str) -> None:
    """See that an answer is in the document, and that its JSON has the schema that stands there.

    Args:
        document: The OpenAPI document.
        answer: Of the service, as the test client gives it.
        route: Template of its path.

    """
    operation = document["paths"][route][answer.request.method.lower()]
    assert str(answer.status_code) in operation["responses"], (route, answer.status_code, answer.text)
    described = operation["responses"][str(answer.status_code)]
    media_type = answer.headers["content-type"].partition(";")[0]
    assert media_type in described["content"], (route, answer.status_code, media_type)
    if media_type.endswith("json"):
        schema = {**described["content"][media_type]["schema"], "components": document["components"]}
        Draft202012Validator(schema).validate(answer.json())
