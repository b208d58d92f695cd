"""What routes need from the composition root, in one typed value that hangs on the app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from starlette.requests import Request

from service.api.uploads import Limits
from service.engine.scheduler import Scheduler
from service.repository.registry import Registry
from service.telemetry.metrics import Metrics


@dataclass(slots=True)
class Context:
    """The objects behind the routes.

    Args:
        registry: Models.
        scheduler: Threads; its clock is the clock of deadlines.
        metrics: Series.
        limits: Of request bodies.
        deadline_s: Longest time from arrival to answer, in seconds.

    """

    registry: Registry
    scheduler: Scheduler
    metrics: Metrics
    limits: Limits
    deadline_s: float


def context_of(request: Request) -> Context:
    """Find the context of the app that answers this request."""
    return cast("Context", request.app.state.context)
