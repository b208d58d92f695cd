"""Reads what a service answered to a picture: an answer, a problem of this picture, or of all of them.

Whoever answers otherwise than the HTTP API promises is another program, and that is said instead of guessed around.
"""

from __future__ import annotations

import http
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from service.client.connection import Reply
from service.client.rows import Answer, Guess
from service.errors import PictureError, ServerError

PROBLEM_TYPE: Final = "application/problem+json"
_BUSY: Final = frozenset({429, 503})
_BUSY_GATEWAY: Final = frozenset({502, 504})  # without a problem of ours: a proxy whose service is not there just now
_OF_THE_PICTURE: Final = frozenset({400, 408, 413, 415, 500, 504})
_TOO_LARGE: Final = 413  # also a proxy's, whose limit is its own
_REFUSED: Final = frozenset({401, 403})


def is_busy(reply: Reply) -> bool:
    """Tell whether the same request may be answered later."""
    return reply.status in _BUSY or (reply.status in _BUSY_GATEWAY and _problem(reply) is None)


def read_answer(reply: Reply, *, url: str) -> Answer:
    """Read the answer to one picture.

    Args:
        reply: Not a busy one.
        url: Of the service, for messages.

    Raises:
        PictureError: The service cannot classify this picture.
        ServerError: It refuses every one, or is another program.

    """
    if reply.status == http.HTTPStatus.OK:
        return _answer(reply, url=url)
    problem = _problem(reply)
    detail = f"{reply.status} {_phrase(reply.status)}" if problem is None else str(problem.get("detail"))
    if reply.status in _OF_THE_PICTURE and (problem is not None or reply.status == _TOO_LARGE):
        raise PictureError(detail)
    if reply.status in _REFUSED:
        raise ServerError(f"{url} refuses: {detail} Give a key with --key-file or CONVSERVE_API_KEY.")
    location = reply.headers.get("location")
    if location and reply.status // 100 == 3:
        raise ServerError(f"{url} has moved to {location!r}; give that address to --server.")
    if problem is not None:
        raise ServerError(f"{url} refuses: {detail}")
    raise not_ours(reply, url=url)


def require_ours(reply: Reply, *, url: str) -> None:
    """Check the answer to `GET /livez`.

    Raises:
        ServerError: Another program gave it.

    """
    if not is_busy(reply) and (reply.status != http.HTTPStatus.OK or _object(reply).get("status") != "live"):
        raise not_ours(reply, url=url)


def not_ours(reply: Reply, *, url: str) -> ServerError:
    """Say that something answers that is no service of this project."""
    media_type = reply.headers.get("content-type", "no type")
    return ServerError(
        f"Another program answers at {url} ({reply.status} {_phrase(reply.status)}, {media_type}); "
        "give the address of a convserve service to --server."
    )


def retry_after_s(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Read how long a service asks to wait; None where it does not say.

    Args:
        headers: Of its answer, names in lower case.
        now: UTC.

    Source: RFC 9110, section 10.2.3: seconds or a date.

    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())


def _answer(reply: Reply, *, url: str) -> Answer:
    body = _object(reply)
    try:
        model = body["model"]
        guesses = tuple(_guess(item) for item in body["predictions"])
        return Answer(str(model["name"]), int(model["version"]), str(model["precision"]), guesses)
    except (KeyError, TypeError, ValueError) as error:
        raise not_ours(reply, url=url) from error


def _guess(item: Mapping[str, Any]) -> Guess:
    probability = float(item["probability"])
    if not math.isfinite(probability):
        raise ValueError("no probability")
    return Guess(str(item["label"]), int(item["index"]), probability)


def _problem(reply: Reply) -> dict[str, Any] | None:
    is_problem = reply.headers.get("content-type", "").partition(";")[0].strip() == PROBLEM_TYPE
    return _object(reply) if is_problem else None


def _object(reply: Reply) -> dict[str, Any]:
    try:
        body = json.loads(reply.body)
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""
