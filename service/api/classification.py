"""Classifies a request's pictures and counts what became of each, exactly once."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import numpy as np
from starlette.requests import Request

from service.api.context import Context
from service.artifact import Decoding
from service.engine.predictor import Classification, Sent, predict
from service.errors import (
    BadImageError,
    CallerGoneError,
    ConvserveError,
    DeadlineExceededError,
    DrainingError,
    InputError,
    QueueFullError,
    TooManyPixelsError,
    UnavailableError,
    UnsupportedImageFormatError,
)
from service.repository.live_model import LiveModel
from service.telemetry.metrics import Metrics

Result = TypeVar("Result")

_UNWATCHED_S: Final = 0.005  # most requests to a small model are answered by then
_LEAST_SHARE: Final = np.finfo(np.float32).tiny

# Error class to (outcome of the prediction, reason of the rejection, reason why the picture was turned away).
_COUNTED_AS: Final[tuple[tuple[type[BaseException], str, str | None, str | None], ...]] = (
    (QueueFullError, "rejected", "full", None),
    (DrainingError, "rejected", "draining", None),
    (DeadlineExceededError, "deadline", "deadline", None),
    (asyncio.CancelledError, "cancelled", "cancelled", None),
    (UnsupportedImageFormatError, "bad_input", None, "format"),
    (TooManyPixelsError, "bad_input", None, "pixels"),
    (BadImageError, "bad_input", None, "unreadable"),
    (InputError, "bad_input", None, None),
)


@dataclass(frozen=True, slots=True)
class Deadline:
    """When an answer is of no more use, how urgent it is, and whether it was promised.

    Args:
        at_s: On the scheduler's clock.
        patience_s: Seconds from the arrival of the request until then.
        urgent: Whether the request goes before those that are not.
        accepted: Whether the service took the request before it began to drain.

    """

    at_s: float
    patience_s: float
    urgent: bool = True
    accepted: bool = False


async def classify_one(
    data: bytes, *, model: LiveModel, context: Context, deadline: Deadline, decoding: Decoding
) -> Classification:
    """Classify a picture and count its outcome.

    Raises:
        InputError, UnavailableError, DeadlineExceededError, InferenceError: As `service.engine.predictor.predict`.

    """
    context.metrics.image_bytes.observe(len(data))
    answer = await classify_sent(Sent(data, decoding), model=model, context=context, deadline=deadline)
    context.metrics.image_pixels.observe(answer.width * answer.height)
    return answer


async def classify_sent(sent: Sent, *, model: LiveModel, context: Context, deadline: Deadline) -> Classification:
    """Classify a picture or a tensor, count its outcome, and show it to the model's shadow where it has one.

    Raises:
        InputError, UnavailableError, DeadlineExceededError, InferenceError: As `service.engine.predictor.predict`.

    """
    try:
        answer = await predict(
            sent,
            lane=model.lane,
            deadline_s=deadline.at_s,
            urgent=deadline.urgent,
            accepted=deadline.accepted,
        )
    except BaseException as error:
        _count_failure(error, model=model, metrics=context.metrics)
        if isinstance(error, DeadlineExceededError):
            raise DeadlineExceededError(deadline_s=deadline.patience_s) from error
        raise
    _count_answer(answer, model=model)
    shadow = context.registry.shadow_of(model)
    if shadow is not None:
        context.shadows.offer(sent, answer, live=model, shadow=shadow)
    return answer


async def classify_each(
    pictures: tuple[bytes, ...],
    *,
    model: LiveModel,
    context: Context,
    deadline: Deadline,
    decoding: Decoding,
) -> list[Classification | ConvserveError]:
    """Classify several pictures of one request; a bad one fails alone.

    As many of them are in the lane at once as there are threads, so that one request does not fill it, and all of them
    are classified where the first ones were taken before the service drained.

    Args:
        pictures: Encoded pictures.
        model: Which classifies them.
        context: Of the app.
        deadline: Of the whole request.
        decoding: Of all of them.

    Returns:
        What became of each, in order.

    Raises:
        UnavailableError, DeadlineExceededError: What became of all of them; then the request failed as a whole.

    """
    places = asyncio.Semaphore(context.scheduler.threads)
    deadline = replace(deadline, accepted=not context.scheduler.draining)

    async def classify(data: bytes) -> Classification | ConvserveError:
        async with places:
            try:
                return await classify_one(data, model=model, context=context, deadline=deadline, decoding=decoding)
            except ConvserveError as error:
                return error

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(classify(data)) for data in pictures]
    results = [task.result() for task in tasks]
    if not all(isinstance(result, (UnavailableError, DeadlineExceededError)) for result in results):
        return results
    try:
        raise next(result for result in results if isinstance(result, ConvserveError))
    finally:
        del tasks, results  # the error's traceback holds this frame: each would keep the other in memory


async def unless_gone(request: Request, work: Awaitable[Result]) -> Result:
    """Wait for work, and cancel it when the caller closes the connection first.

    The work runs in the task of the request, and nobody looks at the connection in its first milliseconds: a task for
    each of the two and a wait for both took 13 microseconds of every request, and the timer that is left takes 2.

    Raises:
        CallerGoneError: The caller went away; the work was cancelled.

    """
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine is run by a task
    watch = _Watch(request, task)
    timer = asyncio.get_running_loop().call_later(_UNWATCHED_S, watch.start)
    try:
        return await work
    except BaseException:
        if not watch.is_gone:
            raise
        watch.waiting.uncancel()
        raise CallerGoneError from None
    finally:
        timer.cancel()
        watch.stop()


@dataclass(slots=True)
class _Watch:
    """Cancels the task of a request when its caller closes the connection."""

    request: Request
    waiting: asyncio.Task[Any]
    is_gone: bool = False
    _watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._watching = asyncio.ensure_future(self._watch())

    def stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self) -> None:
        while (await self.request.receive())["type"] != "http.disconnect":
            pass
        self.is_gone = True
        self.waiting.cancel()


def _count_answer(answer: Classification, *, model: LiveModel) -> None:
    series = model.metrics
    first = int(answer.probabilities.argmax())
    series.observe_answer(
        first_index=first,
        confidence=float(answer.probabilities[first]),
        entropy_ratio=_entropy_ratio(answer),
    )
    series.outcomes["ok"].inc()
    series.batch_size.observe(answer.batch)
    for stage, seconds in answer.stages_s.items():
        series.stages[stage].observe(seconds)


def _entropy_ratio(answer: Classification) -> float:
    """Say how undecided an answer is: 0 for one certain class, 1 for all classes alike."""
    shares = answer.probabilities
    return -float(shares @ np.log(np.maximum(shares, _LEAST_SHARE))) / math.log(len(shares))


def _count_failure(error: BaseException, *, model: LiveModel, metrics: Metrics) -> None:
    for kind, outcome, rejection, turned_away in _COUNTED_AS:
        if isinstance(error, kind):
            model.metrics.outcomes[outcome].inc()
            if rejection:
                model.metrics.rejections[rejection].inc()
            if turned_away:
                metrics.images_rejected[turned_away].inc()
            return
    model.metrics.outcomes["error"].inc()
