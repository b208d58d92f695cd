"""The one table from error classes to responses: RFC 9457 `application/problem+json`, everywhere but under /v2.

An error of the tree answers with its own text and data; anything else answers a constant text, and its details stay in
the log. A test proves that the table knows every class of the tree.
"""

from __future__ import annotations

import http
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from service import errors
from service.api.context import context_of
from service.api.open_inference import form as open_inference
from service.errors import SHOWN_CHARACTERS, shortened
from service.telemetry.logs import log

MEDIA_TYPE: Final = "application/problem+json"
STATE_REQUEST_ID: Final = "request_id"
STATE_KEY: Final = "key"  # name of the caller's key
STATE_HEADERS: Final = "headers"  # of the answer, whatever it will be
_REALM: Final = 'Bearer realm="convserve"'
# Source: RFC 6750, section 3; a caller that has shown nothing is told no error.
_CHALLENGES: Final[dict[type[errors.AccessError], str]] = {
    errors.MissingKeyError: _REALM,
    errors.UnknownKeyError: f'{_REALM}, error="invalid_token"',
    errors.ForbiddenKeyError: f'{_REALM}, error="insufficient_scope"',
}
_JSON_INTEGERS: Final = 2**53  # what every reader of JSON holds exactly


@dataclass(frozen=True, slots=True)
class Problem:
    """How a class of errors answers.

    Args:
        status: HTTP status.
        slug: Last part of the problem's type, stable for programs.
        title: The same in words, stable for people.
        public: Whether the error's own text is fit for the caller.

    """

    status: int
    slug: str
    title: str
    public: bool = True


PROBLEMS: Final[dict[type[errors.ConvserveError], Problem]] = {
    errors.EmptyBodyError: Problem(400, "empty-body", "Empty body"),
    errors.MalformedBodyError: Problem(400, "malformed-body", "Malformed body"),
    errors.BadImageError: Problem(400, "unreadable-picture", "Unreadable picture"),
    errors.SlowBodyError: Problem(408, "slow-body", "Body too slow"),
    errors.BodyTooLargeError: Problem(413, "body-too-large", "Body too large"),
    errors.TooManyPixelsError: Problem(413, "too-many-pixels", "Too many pixels"),
    errors.UnsupportedMediaTypeError: Problem(415, "unsupported-media-type", "Unsupported media type"),
    errors.UnsupportedImageFormatError: Problem(415, "unsupported-picture-format", "Unsupported picture format"),
    errors.InvalidParameterError: Problem(422, "invalid-parameter", "Invalid parameter"),
    errors.UnknownModelError: Problem(404, "unknown-model", "Unknown model"),
    errors.UnknownVersionError: Problem(404, "unknown-version", "Unknown version"),
    errors.VersionNotLoadedError: Problem(404, "version-not-loaded", "Version not loaded"),
    errors.NoDefaultModelError: Problem(404, "no-default-model", "No default model"),
    errors.VersionInUseError: Problem(409, "version-in-use", "Version in use"),
    errors.VersionRefusedError: Problem(409, "version-refused", "Version refused"),
    errors.ActSupersededError: Problem(409, "act-superseded", "Act superseded"),
    errors.QueueFullError: Problem(503, "queue-full", "Queue full"),
    errors.DrainingError: Problem(503, "draining", "Shutting down"),
    errors.ModelNotReadyError: Problem(503, "model-not-ready", "Model not ready"),
    errors.ActUnfinishedError: Problem(503, "act-unfinished", "Act unfinished"),
    errors.DeadlineExceededError: Problem(504, "deadline-exceeded", "Deadline exceeded"),
    errors.CallerGoneError: Problem(499, "caller-gone", "Caller gone"),
    errors.MissingKeyError: Problem(401, "missing-key", "Missing key"),
    errors.UnknownKeyError: Problem(401, "unknown-key", "Unknown key"),
    errors.ForbiddenKeyError: Problem(403, "forbidden", "Forbidden"),
    errors.RateLimitedError: Problem(429, "rate-limited", "Rate limited"),
    # Raised by commands that classify without serving, where no request waits for it.
    errors.PictureError: Problem(400, "unreadable-picture", "Unreadable picture"),
    errors.ServerError: Problem(500, "internal", "Internal error", public=False),
    # What follows is nobody's request: it ends in the log, and in a constant text if it ever reaches a caller.
    errors.InferenceError: Problem(500, "internal", "Internal error", public=False),
    errors.ManifestError: Problem(500, "internal", "Internal error", public=False),
    errors.HashMismatchError: Problem(500, "internal", "Internal error", public=False),
    errors.UnsafeModelError: Problem(500, "internal", "Internal error", public=False),
    errors.VerificationError: Problem(500, "internal", "Internal error", public=False),
    errors.ProviderUnavailableError: Problem(500, "internal", "Internal error", public=False),
    errors.KeyFileError: Problem(500, "internal", "Internal error", public=False),
    errors.ConfigurationError: Problem(500, "internal", "Internal error", public=False),
    # Branches of the tree, for a class that has no line of its own yet.
    errors.InputError: Problem(400, "bad-request", "Bad request"),
    errors.NotFoundError: Problem(404, "not-found", "Not found"),
    errors.ConflictError: Problem(409, "conflict", "Conflict"),
    errors.UnavailableError: Problem(503, "unavailable", "Unavailable"),
    errors.AccessError: Problem(401, "unauthorized", "Unauthorized"),
    errors.ArtifactError: Problem(500, "internal", "Internal error", public=False),
    errors.ConvserveError: Problem(500, "internal", "Internal error", public=False),
}

_INTERNAL_TEXT: Final = "Something failed inside the service; the log has the details under this request_id."


def problem_of(error: errors.ConvserveError) -> Problem:
    """Find the line of the table for an error: its class, else the nearest class above it."""
    return next(PROBLEMS[kind] for kind in type(error).__mro__ if kind in PROBLEMS)


def problem_body(error: errors.ConvserveError) -> dict[str, Any]:
    """Describe an error without the request it belongs to."""
    problem = problem_of(error)
    if not problem.public:
        return _body(problem, detail=_INTERNAL_TEXT)
    data = {name: _plain(value) for name, value in vars(error).items() if not name.startswith("_")}
    return {**_body(problem, detail=str(error)), **data}


def problem_response(request: Request, error: errors.ConvserveError) -> Response:
    """Answer with an error of the tree."""
    log_internal(error, request_id=request.scope["state"].get(STATE_REQUEST_ID, ""))
    headers = {}
    if isinstance(error, (errors.UnavailableError, errors.RateLimitedError)):
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after_s)))
    if isinstance(error, errors.AccessError):
        headers["www-authenticate"] = _CHALLENGES.get(type(error), _REALM)
    return _response(request, problem_body(error), status=problem_of(error).status, headers=headers)


def log_internal(error: errors.ConvserveError, *, request_id: str) -> None:
    """Write an error whose text the caller does not get into the log that its answer points to."""
    if not problem_of(error).public:
        log(logging.ERROR, "request failed", error=error, request_id=request_id)


def internal_problem(request: Request) -> Response:
    """Answer for an error that nobody foresaw."""
    body = _body(Problem(500, "internal", "Internal error"), detail=_INTERNAL_TEXT)
    return _response(request, body, status=500, headers={})


async def answer_convserve_error(request: Request, error: Exception) -> Response:
    """Answer an error of the tree; registered for `ConvserveError`."""
    if not isinstance(error, errors.ConvserveError):
        raise error
    if not isinstance(error, (errors.QueueFullError, errors.RateLimitedError)):
        return problem_response(request, error)
    error.__traceback__ = None  # its frames hold the request's pictures, and there may be a thousand like it
    held = await context_of(request).refusals.hold()
    response = problem_response(request, error)
    if not held:
        response.headers["connection"] = "close"
    return response


async def answer_http_exception(request: Request, error: Exception) -> Response:
    """Answer what the router raises: unknown routes and methods."""
    if not isinstance(error, HTTPException):
        raise error
    status = http.HTTPStatus(error.status_code)
    detail = {
        404: f"There is nothing at {request.url.path}; /docs lists the routes.",
        405: f"{request.url.path} does not answer {request.method}; see the Allow header.",
    }.get(error.status_code, str(error.detail))
    body = _body(Problem(status.value, status.phrase.lower().replace(" ", "-"), status.phrase), detail=detail)
    return _response(request, body, status=status.value, headers=dict(error.headers or {}))


async def answer_validation_error(request: Request, error: Exception) -> Response:
    """Answer parameters that do not have the form their route declares."""
    if not isinstance(error, RequestValidationError):
        raise error
    problems = [f"{item['loc'][-1]}: {item['msg']}, not {shortened(item.get('input'))}" for item in error.errors()]
    line = PROBLEMS[errors.InvalidParameterError]
    return _response(request, _body(line, detail="; ".join(problems) + "."), status=line.status, headers={})


def _body(problem: Problem, *, detail: str) -> dict[str, Any]:
    return {
        "type": f"urn:convserve:problem:{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
    }


def _response(request: Request, body: dict[str, Any], *, status: int, headers: Mapping[str, str]) -> Response:
    if open_inference.is_spoken_at(request.url.path):
        return open_inference.error_response(body["detail"], status=status, headers=headers)
    placed = {"instance": request.url.path, "request_id": request.scope["state"].get(STATE_REQUEST_ID, "")}
    return Response(orjson.dumps({**body, **placed}), status, headers=headers, media_type=MEDIA_TYPE)


def _plain(value: object) -> object:
    """Show a datum of an error as JSON can hold it: numbers, short texts, and flat lists of them."""
    if isinstance(value, (list, tuple)):
        return [_plain(item) if isinstance(item, (str, int, float)) else shortened(item) for item in value]
    if value is None or (isinstance(value, int) and abs(value) < _JSON_INTEGERS) or isinstance(value, float):
        return value
    return value if isinstance(value, str) and len(value) <= SHOWN_CHARACTERS else shortened(value)
