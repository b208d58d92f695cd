"""Classifies a request's pictures and counts what became of each, exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from starlette.requests import Request

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
    """When an answer is of no more use, and how urgent it is.

    Args:
        at_s: On the scheduler's clock.
        patience_s: Seconds from the arrival of the request until then.
        urgent: Whether the request goes before those that are not.

    """

    at_s: float
    patience_s: float
    urgent: bool = True


async def classify_one(
    data: bytes, *, model: LiveModel, metrics: Metrics, deadline: Deadline, decoding: Decoding
) -> Classification:
    """Classify a picture and count its outcome.

    Raises:
        InputError, UnavailableError, DeadlineExceededError, InferenceError: As `service.engine.predictor.predict`.

    """
    metrics.image_bytes.observe(len(data))
    answer = await classify_sent(Sent(data, decoding), model=model, metrics=metrics, deadline=deadline)
    metrics.image_pixels.observe(answer.width * answer.height)
    return answer


async def classify_sent(sent: Sent, *, model: LiveModel, metrics: Metrics, deadline: Deadline) -> Classification:
    """Classify a picture or a tensor, and count its outcome.

    Raises:
        InputError, UnavailableError, DeadlineExceededError, InferenceError: As `service.engine.predictor.predict`.

    """
    try:
        answer = await predict(sent, lane=model.lane, deadline_s=deadline.at_s, urgent=deadline.urgent)
    except BaseException as error:
        _count_failure(error, model=model, metrics=metrics)
        if isinstance(error, DeadlineExceededError):
            raise DeadlineExceededError(deadline_s=deadline.patience_s) from error
        raise
    _count_answer(answer, model=model)
    return answer


async def classify_each(
    pictures: tuple[bytes, ...],
    *,
    model: LiveModel,
    metrics: Metrics,
    deadline: Deadline,
    decoding: Decoding,
    at_once: int,
) -> list[Classification | ConvserveError]:
    """Classify several pictures of one request; a bad one fails alone.

    Args:
        pictures: Encoded pictures.
        model: Which classifies them.
        metrics: Where they are counted.
        deadline: Of the whole request.
        decoding: Of all of them.
        at_once: Most pictures of this request in the lane, so that one request does not fill it.

    Returns:
        What became of each, in order.

    Raises:
        UnavailableError, DeadlineExceededError: What became of all of them; then the request failed as a whole.

    """
    places = asyncio.Semaphore(at_once)

    async def classify(data: bytes) -> Classification | ConvserveError:
        async with places:
            try:
                return await classify_one(data, model=model, metrics=metrics, deadline=deadline, decoding=decoding)
            except ConvserveError as error:
                return error

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(classify(data)) for data in pictures]
    results = [task.result() for task in tasks]
    if all(isinstance(result, (UnavailableError, DeadlineExceededError)) for result in results):
        raise next(result for result in results if isinstance(result, ConvserveError))
    return results


async def unless_gone(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Wait for work, and cancel it when the caller closes the connection first.

    Raises:
        CallerGoneError: The caller went away; the work was cancelled.

    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise CallerGoneError
        return task.result()
    finally:
        gone.cancel()
        task.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


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
    shares = answer.probabilities[answer.probabilities > 0]
    return float(-(shares * np.log(shares)).sum() / np.log(len(answer.probabilities)))


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
