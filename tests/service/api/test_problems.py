"""The table from errors to responses is total, and its parts have the form that RFC 9457 asks for."""

from __future__ import annotations

import inspect

import pytest

from service import errors
from service.api.problems import PROBLEMS, problem_body, problem_of
from service.api.responses import PREDICT_PROBLEMS

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.ConvserveError)]


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_class_has_its_own_line(kind: type[errors.ConvserveError]) -> None:
    """Whoever adds an error decides at once how it answers."""
    assert kind in PROBLEMS


def test_what_the_caller_caused_is_4xx_and_what_the_service_caused_is_5xx() -> None:
    """The first digit tells whose turn it is to change something."""
    for kind, problem in PROBLEMS.items():
        caller = issubclass(
            kind,
            (
                errors.InputError,
                errors.NotFoundError,
                errors.CallerGoneError,
                errors.ConflictError,
                errors.AccessError,
                errors.RateLimitedError,
            ),
        )
        assert problem.status // 100 == (4 if caller else 5), kind


def test_internal_errors_show_none_of_their_text() -> None:
    """A failure inside the service tells the caller where to look, and nothing of the inside."""
    body = problem_body(errors.InferenceError("tensor 0x7f at /srv/models"))
    assert "/srv" not in str(body)
    assert "log" in body["detail"]


def test_public_errors_carry_the_data_of_their_case() -> None:
    """A program can read the limit without parsing the sentence."""
    body = problem_body(errors.BodyTooLargeError(limit_bytes=10, body_bytes=11))
    assert (body["limit_bytes"], body["body_bytes"]) == (10, 11)


def test_subclass_without_a_line_answers_like_the_class_above_it() -> None:
    """An error raised by a later room still gets a sensible answer."""

    class NewInputError(errors.BadImageError):
        pass

    assert problem_of(NewInputError("odd")).status == 400


def test_predict_routes_document_every_status_their_errors_can_have() -> None:
    """The OpenAPI document promises each of them; 499 nobody reads, and some come from keys or to administrators."""
    statuses = {problem.status for problem in PROBLEMS.values()} - {499, 401, 403, 409, 429}
    assert statuses == set(PREDICT_PROBLEMS)
