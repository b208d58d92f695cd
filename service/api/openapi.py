"""Makes the OpenAPI document tell the truth where FastAPI guesses.

FastAPI knows parameters and good answers. It does not know that every error is a problem, that every route may meet one
that nobody foresaw, which headers answers carry, or that a text without bounds cannot be wrong.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service.api.key_document import describe_keys
from service.api.open_inference.documents import describe_protocol
from service.api.problems import MEDIA_TYPE
from service.api.responses import problems
from service.api.schemas import ProblemBody
from service.security.access import Access

_UNUSED_SCHEMAS: Final = ("HTTPValidationError", "ValidationError")
_PLACE: Final = "#/components/schemas/"
_LICENSE: Final = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
_DESCRIPTION: Final = (
    "Classifies pictures. Every error is an RFC 9457 problem; those that pass carry Retry-After, in seconds."
)
_METHODS: Final = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_HEADERS: Final = {
    "X-Request-ID": {
        "description": "The caller's own where it was sane, else one made here; the log has it too.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"},
    },
    "Retry-After": {
        "description": "Seconds after which to ask again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
}
_WAITING: Final = frozenset({"429", "503"})


def describe(app: FastAPI, *, access: Access) -> None:
    """Give the app the document that is made here; it is made once, when it is first asked for."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, access)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's own way of replacing the document


def _document(app: FastAPI, access: Access) -> dict[str, Any]:
    schema = get_openapi(title=app.title, version=app.version, routes=app.routes, description=_DESCRIPTION)
    schema["info"]["license"] = _LICENSE
    describe_keys(app, schema, access=access)
    for operation in _operations(schema):
        _mend_parameters(operation)
        _mend_answers(operation)
    _name_operations(schema)
    components = schema.setdefault("components", {})
    components["headers"] = _HEADERS
    schemas = components.setdefault("schemas", {})
    for name in _UNUSED_SCHEMAS:
        schemas.pop(name, None)
    schemas[ProblemBody.__name__] = ProblemBody.model_json_schema(ref_template=f"{_PLACE}{{model}}")
    describe_protocol(schema)
    return schema


def _operations(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in schema["paths"].values():
        yield from (operation for method, operation in item.items() if method in _METHODS)


def _mend_parameters(operation: dict[str, Any]) -> None:
    """Say of a parameter that may be left out only that: a query has no way of writing null."""
    for parameter in operation.get("parameters", ()):
        choices = parameter["schema"].get("anyOf", ())
        real = [choice for choice in choices if choice.get("type") != "null"]
        if len(real) == 1 and len(choices) > 1:
            del parameter["schema"]["anyOf"]
            parameter["schema"].update(real[0])


def _mend_answers(operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    if "422" in answers and MEDIA_TYPE not in answers["422"].get("content", {}):  # FastAPI's own, of another form
        del answers["422"]
        if _may_be_wrong(operation):
            answers["422"] = problems(422)[422]
    answers.setdefault("500", problems(500)[500])
    for status, answer in answers.items():
        names = ("X-Request-ID", "Retry-After") if status in _WAITING else ("X-Request-ID",)
        for name in names:
            answer.setdefault("headers", {}).setdefault(name, {"$ref": f"#/components/headers/{name}"})
    operation["responses"] = dict(sorted(answers.items()))


def _may_be_wrong(operation: dict[str, Any]) -> bool:
    """Tell whether FastAPI can refuse a request: whether anything in it must be more than a text."""
    texts = ({"type": "string"}, {"type": "string", "minLength": 0})
    rules = [_rules(parameter["schema"]) for parameter in operation.get("parameters", ())]
    return "requestBody" in operation or any(rule not in texts for rule in rules)


def _rules(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name not in ("title", "description", "default")}


def _name_operations(schema: dict[str, Any]) -> None:
    """Call each operation as its function is called, with its path only where two routes share one.

    Generated clients name their methods after this.
    """
    named = {id(operation): _function_name(operation) for operation in _operations(schema)}
    uses = Counter(named.values())
    for operation in _operations(schema):
        name = named[id(operation)]
        if uses[name] == 1:
            operation["operationId"] = name


def _function_name(operation: dict[str, Any]) -> str:
    """Read the function's name out of the summary, which FastAPI makes of it."""
    return re.sub(r"\W+", "_", str(operation["summary"]).lower())
