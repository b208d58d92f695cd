"""On which terms a request is answered: by which model, until when, how urgently; and what the access log says of it.

The same for every route that classifies, whatever form its body has.
"""

from __future__ import annotations

import re
from typing import Final

from starlette.requests import Request

from service.api.classification import Deadline
from service.api.context import Context
from service.errors import InvalidParameterError, NotFoundError
from service.repository.live_model import LiveModel

_LONGEST_TIMEOUT_DIGITS: Final = 12
_USUAL_URGENCY: Final = 3
_URGENCY: Final = re.compile(r"(?:^|,)\s*u=([0-7])\s*(?:,|$)")


def resolve(context: Context, name: str | None, version: int | None) -> LiveModel:
    """Find the model that answers, and count a question for one that is not there.

    Raises:
        NotFoundError, ModelNotReadyError: As `Registry.resolve`.

    """
    try:
        return context.registry.resolve(name, version)
    except NotFoundError:
        context.metrics.model.unknown_model.inc()
        raise


def deadline_of(request: Request, context: Context, *, arrived_s: float) -> Deadline:
    """Read until when and how urgently the caller wants its answer.

    Raises:
        InvalidParameterError: The time that it gives is no whole number of milliseconds.

    """
    patience_s = _patience_s(request, context)
    return Deadline(arrived_s + patience_s, patience_s, urgent=_is_urgent(request))


def note(request: Request, model: LiveModel, *, stages_s: dict[str, float], **facts: object) -> None:
    """Hand facts to the access log line."""
    request.scope["state"]["log"] = {
        "model": model.manifest.name,
        "version": model.manifest.version,
        **facts,
        "stages_ms": {stage: round(seconds * 1000, 3) for stage, seconds in stages_s.items()},
    }


def _patience_s(request: Request, context: Context) -> float:
    """Read how long the caller waits, in seconds; never longer than the service's own deadline."""
    given = request.headers.get("x-request-timeout-ms")
    if given is None:
        return context.deadline_s
    if not (given.isascii() and given.isdecimal() and len(given) <= _LONGEST_TIMEOUT_DIGITS and int(given) > 0):
        raise InvalidParameterError(
            "X-Request-Timeout-Ms", value=given, expected="a whole number of milliseconds from 1"
        )
    return min(int(given) / 1000, context.deadline_s)


def _is_urgent(request: Request) -> bool:
    """Read the Priority header; a value that says nothing about urgency is that of most requests.

    Source: RFC 9218, section 4.1; 3 is the default and a larger number is less urgent.
    """
    found = _URGENCY.search(request.headers.get("priority", ""))
    return found is None or int(found[1]) <= _USUAL_URGENCY
