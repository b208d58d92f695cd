"""The rows of one request: all or none, so many at once, and nothing of them is kept by a refusal."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections import defaultdict
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from service.api.classification import Deadline
from service.api.context import Context
from service.api.open_inference.rows import classify_rows
from service.engine.lane import Finished
from service.engine.predictor import Classification, Sent
from service.errors import QueueFullError
from service.repository.live_model import LiveModel

STAGES_S = {"inference": 0.0, "postprocess": 0.0}


@dataclass
class FakeLane:
    """Answers each row with its own first number, the first row last; refuses those that are negative."""

    in_work: int = 0
    most_in_work: int = 0
    submitted: list[float] = field(default_factory=list)

    async def submit(self, sent: Sent, **_: object) -> Finished[Classification]:
        """Take a row."""
        assert not isinstance(sent.data, bytes)
        number = float(sent.data[0])
        self.submitted.append(number)
        self.in_work += 1
        self.most_in_work = max(self.in_work, self.most_in_work)
        try:
            for _turn in range(9 if len(self.submitted) == 1 else 1):
                await asyncio.sleep(0)
            if number < 0:
                raise QueueFullError(capacity=7, retry_after_s=1.0)
        finally:
            self.in_work -= 1
        scores = np.array([number, 1 - number], dtype=np.float32)
        return Finished(Classification(scores, scores, STAGES_S, 1, 1), waited_s=0.0)


def model_with(lane: FakeLane) -> LiveModel:
    """Make a model of which only the lane does anything."""
    nothing: Any = SimpleNamespace(inc=lambda: None, observe=lambda _: None)
    metrics = SimpleNamespace(
        outcomes=defaultdict(lambda: nothing),
        rejections=defaultdict(lambda: nothing),
        stages=defaultdict(lambda: nothing),
        batch_size=nothing,
        observe_answer=lambda **_: None,
    )
    return cast("LiveModel", SimpleNamespace(lane=lane, metrics=metrics))


async def classified(rows: list[Any], lane: FakeLane, *, at_once: int) -> list[Classification]:
    """Classify rows in a lane."""
    return await classify_rows(
        rows,
        model=model_with(lane),
        context=cast("Context", SimpleNamespace(registry=SimpleNamespace(shadow_of=lambda _: None), metrics=None)),
        deadline=Deadline(60.0, 60.0),
        at_once=at_once,
    )


def row(number: float) -> Any:
    """Make a row of one number."""
    return np.array([number], dtype=np.float32)


@pytest.mark.parametrize("at_once", [1, 2, 5, 100])
async def test_answers_stand_in_the_order_of_the_rows_whichever_comes_first(at_once: int) -> None:
    """No more of them are in the lane at once than may be."""
    lane = FakeLane()
    numbers = [number / 8 for number in range(8)]
    answers = await classified([row(number) for number in numbers], lane, at_once=at_once)
    assert [float(answer.scores[0]) for answer in answers] == numbers
    assert lane.most_in_work == min(at_once, len(numbers))


async def test_first_refusal_is_that_of_the_request_and_drops_the_rest() -> None:
    """What was in work is cancelled, what was not is never asked for."""
    lane = FakeLane()
    with pytest.raises(QueueFullError):
        await classified([row(0), row(-1), *(row(0) for _ in range(50))], lane, at_once=2)
    assert len(lane.submitted) == 2
    assert lane.in_work == 0


async def test_a_refusal_that_lost_its_traceback_holds_no_rows() -> None:
    """Refusals are held back for a while, a thousand at once, and each had a body of megabytes."""
    gone: list[weakref.ref[Any]] = []

    async def refused() -> QueueFullError:
        rows = [row(-1), row(-1)]
        gone.extend(weakref.ref(one) for one in rows)
        with pytest.raises(QueueFullError) as caught:
            await classified(rows, FakeLane(), at_once=2)
        error = caught.value
        error.__traceback__ = None
        return error

    error = await refused()
    gc.collect()
    assert error.capacity == 7
    assert [ref() for ref in gone] == [None, None]
