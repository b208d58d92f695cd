"""Classifies the rows of one request, all or none: this protocol has no place for the error of one of them.

Rows go into the model's lane one by one, so that a batch of any size is bounded, split and counted as single pictures
are, and a model that takes one picture at a time takes them too.
"""

from __future__ import annotations

import asyncio

from service.api.classification import Deadline, classify_one, classify_sent
from service.api.context import Context
from service.api.open_inference.inputs import Row, Rows
from service.engine.predictor import Classification, Sent
from service.errors import InputError
from service.repository.live_model import LiveModel


async def classify_rows(
    rows: Rows, *, model: LiveModel, context: Context, deadline: Deadline, at_once: int
) -> list[Classification]:
    """Classify rows.

    Args:
        rows: Pictures or tensors.
        model: Which classifies them.
        context: Of the app.
        deadline: Of the whole request.
        at_once: Most rows of this request in the lane, so that one request does not fill it.

    Returns:
        An answer for each, in order.

    Raises:
        ConvserveError: What the first row met that met anything; the rest is dropped.

    """
    answers: list[Classification] = [None] * len(rows)  # type: ignore[list-item]  # each is set before they are returned
    left = iter(enumerate(rows))

    async def classify() -> None:
        for place, row in left:
            answers[place] = await _classify(row, place, model=model, context=context, deadline=deadline)

    first: BaseException | None = None
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(at_once, len(rows))):
                group.create_task(classify())
    except BaseExceptionGroup as failed:
        first = failed.exceptions[0]
    if first is not None:
        raise first  # out here, so that it does not keep the group, whose frames hold the rows
    return answers


async def _classify(row: Row, place: int, *, model: LiveModel, context: Context, deadline: Deadline) -> Classification:
    if not isinstance(row, bytes):
        return await classify_sent(Sent(row), model=model, context=context, deadline=deadline)
    decoding = model.manifest.input.preprocessing.decode
    try:
        return await classify_one(row, model=model, context=context, deadline=deadline, decoding=decoding)
    except InputError as error:
        error.args = (f"Element {place} of input {model.manifest.input.tensor!r}: {error}",)  # keeps class and data
        raise
