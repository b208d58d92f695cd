"""The check that sits in every API test notices each kind of broken promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from tests.service.api.contract import ContractClient, checked_client

PROMISE: dict[int | str, dict[str, Any]] = {
    200: {
        "headers": {"X-Count": {"required": True, "schema": {"type": "integer", "minimum": 1}}},
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {"label": {"type": "string"}},
                    "required": ["label"],
                    "additionalProperties": False,
                }
            }
        },
    },
}


def client_of(answer: Callable[[], Response]) -> ContractClient:
    """Make a client of an app with one route, which promises `PROMISE` and gives this."""
    app = FastAPI()
    app.add_api_route("/thing", answer, responses=PROMISE, response_model=None)
    app.openapi()["components"] = {"schemas": {"ProblemBody": {"type": "object", "required": ["title"]}}}
    return checked_client(app)


def good() -> Response:
    """Keep the promise."""
    return JSONResponse({"label": "cat"}, headers={"x-count": "2"})


BROKEN: dict[str, tuple[Callable[[], Response], str]] = {
    "a status that is not declared": (lambda: JSONResponse({}, 418), "status 418 is not declared"),
    "another media type": (lambda: PlainTextResponse("cat", headers={"x-count": "2"}), "media type 'text/plain"),
    "a body without a key": (lambda: JSONResponse({}, headers={"x-count": "2"}), "'label' is a required property"),
    "a body with a key too many": (
        lambda: JSONResponse({"label": "cat", "secret": 1}, headers={"x-count": "2"}),
        "'secret' was unexpected",
    ),
    "a header that is missing": (lambda: JSONResponse({"label": "cat"}), "header X-Count is missing"),
    "a header out of its range": (lambda: JSONResponse({"label": "cat"}, headers={"x-count": "0"}), "less than"),
}


def test_answer_that_keeps_its_promise_passes() -> None:
    """Nothing is said about it."""
    assert client_of(good).get("/thing").json() == {"label": "cat"}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_promise_fails_the_test_that_met_it(case: str) -> None:
    """The message says which request and what about its answer."""
    answer, words = BROKEN[case]
    with pytest.raises(AssertionError, match=words):
        client_of(answer).get("/thing")


def test_error_of_no_route_must_be_a_problem() -> None:
    """A plain 404 of the framework is none."""
    with pytest.raises(AssertionError, match="an error of type application/json"):
        client_of(good).get("/nothing")


def test_route_that_is_not_documented_is_noticed() -> None:
    """A good answer needs a place in the document."""
    client = client_of(good)
    client.app.add_api_route("/hidden", good, include_in_schema=False)  # type: ignore[attr-defined]  # a FastAPI app
    with pytest.raises(AssertionError, match="the route is not documented"):
        client.get("/hidden")
