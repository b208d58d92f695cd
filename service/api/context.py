"""What routes need from the composition root, in one typed value that hangs on the app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from starlette.requests import Request

from service.api.bodies import BodyBudget
from service.api.refusals import Refusals
from service.api.shadowing import Shadows
from service.engine.scheduler import Scheduler
from service.repository.keeper import Keeper
from service.repository.operator import Operator
from service.repository.registry import Registry
from service.security.access import Access
from service.telemetry.metrics import Metrics


@dataclass(slots=True)
class Context:
    """The objects behind the routes.

    Args:
        registry: Models.
        operator: What an administrator does to them.
        keeper: Loads and unloads them.
        scheduler: Threads; its clock is the clock of deadlines.
        metrics: Series.
        bodies: Bounds of request bodies.
        refusals: Those that are held back.
        shadows: Runs of versions whose answers are compared only.
        access: Who may ask.
        deadline_s: Longest time from arrival to answer, in seconds.
        ended_cleanly: Set at the end: whether every thread had finished its work.

    """

    registry: Registry
    operator: Operator
    keeper: Keeper
    scheduler: Scheduler
    metrics: Metrics
    bodies: BodyBudget
    refusals: Refusals
    shadows: Shadows
    access: Access
    deadline_s: float
    ended_cleanly: bool = True

    def waiting_for(self) -> list[str]:
        """Say what keeps the service from taking requests, nothing when it is ready for them."""
        return ["shutting down"] if self.scheduler.draining else self.registry.waiting_for()


def context_of(request: Request) -> Context:
    """Find the context of the app that answers this request."""
    return cast("Context", request.app.state.context)
