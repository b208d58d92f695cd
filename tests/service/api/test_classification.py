"""A request's work ends with its caller, costs no task while it is quick, and is counted as what it was."""

from __future__ import annotations

import asyncio
import gc
import math
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from starlette.requests import Request
from starlette.types import Message

from service.api.classification import Deadline, _entropy_ratio, classify_each, unless_gone
from service.app import create_app
from service.engine.predictor import Classification
from service.errors import CallerGoneError
from service.repository.loading import Loader
from service.repository.store import StoredVersion
from service.settings import Settings
from tests.model_folders import picture, write_model
from tests.service.engine.gates import soon

Receive = Callable[[], Awaitable[Message]]


def _request(receive: Receive) -> Request:
    return Request({"type": "http", "method": "POST", "path": "/predict", "headers": []}, receive)


async def _here() -> Message:
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nobody answers that future")


async def _gone() -> Message:
    return {"type": "http.disconnect"}


async def _never() -> Message:
    raise AssertionError("nobody asks so early")


async def test_quick_work_is_done_without_a_look_at_the_connection() -> None:
    """Most requests to a small model pay for no second task."""

    async def work() -> int:
        await asyncio.sleep(0)
        return 7

    before = len(asyncio.all_tasks())
    assert await unless_gone(_request(_never), work()) == 7
    assert len(asyncio.all_tasks()) == before


async def test_work_of_a_caller_who_goes_is_cancelled() -> None:
    """The work hears of it, the request ends as one of a caller who is gone, and its task can go on."""
    ended: list[type[BaseException]] = []

    async def work() -> None:
        try:
            await _here()
        except BaseException as error:
            ended.append(type(error))
            raise

    async def request() -> int:
        with pytest.raises(CallerGoneError):
            await unless_gone(_request(_gone), work())
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    assert await soon(asyncio.create_task(request())) == 0
    assert ended == [asyncio.CancelledError]


async def test_a_caller_who_goes_while_work_fails_is_gone_all_the_same() -> None:
    """What the work makes of its cancellation is nobody's answer any more."""

    async def work() -> None:
        try:
            await _here()
        finally:
            raise ValueError("on the way out")

    with pytest.raises(CallerGoneError):
        await soon(asyncio.create_task(unless_gone(_request(_gone), work())))


async def test_a_request_that_the_server_ends_is_not_taken_for_one_whose_caller_went() -> None:
    """At the end of the drain time the cancellation passes through, and takes the work along."""
    working = asyncio.Event()

    async def work() -> None:
        working.set()
        await _here()

    task = asyncio.create_task(unless_gone(_request(_here), work()))
    await soon(working.wait())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await soon(task)


async def test_a_request_that_was_accepted_is_answered_whole_although_the_service_drains(tmp_path: Path) -> None:
    """Of three pictures the last one comes to the lane after SIGTERM, when the first has left its place."""
    write_model(tmp_path)
    context = create_app(Settings(models_dir=tmp_path, threads=1)).state.context
    scheduler = context.scheduler
    loader = Loader(settings=Settings(), scheduler=scheduler, series=context.metrics.model)
    model = loader.load(StoredVersion("colors", 1, tmp_path / "colors" / "1"))
    scheduler.start()
    request = asyncio.create_task(
        classify_each(
            (picture("red"), picture("blue"), picture("lime")),
            model=model,
            context=context,
            deadline=Deadline(scheduler.clock() + 60, 60),
            decoding="exact",
        )
    )
    while model.lane.depth == 0:  # noqa: ASYNC110  until the first is in the lane
        await asyncio.sleep(0)
    scheduler.drain()
    found = await soon(request)
    assert isinstance(found, list)
    assert [int(one.probabilities.argmax()) for one in found] == [0, 2, 1]
    await asyncio.to_thread(scheduler.stop)


class Picture:
    """Something large that a request holds."""


async def test_an_error_of_the_work_arrives_as_it_is_and_keeps_no_picture_in_memory() -> None:
    """Neither task nor frame holds an error that holds them, so that nothing waits for the garbage collector."""
    held: list[weakref.ref[Picture]] = []

    async def work() -> None:
        picture = Picture()
        held.append(weakref.ref(picture))
        await asyncio.sleep(0)
        raise ValueError("mine")

    gc.disable()
    try:
        with pytest.raises(ValueError, match="mine"):
            await unless_gone(_request(_never), work())
        assert held[0]() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("shares", "ratio"),
    [((1.0, 0.0), 0.0), ((0.25,) * 4, 1.0), ((0.5, 0.5, 0.0), math.log(2) / math.log(3))],
)
def test_the_entropy_ratio_says_how_undecided_an_answer_is(shares: tuple[float, ...], ratio: float) -> None:
    """Nothing for certainty, one for a blind guess; classes without any share add nothing."""
    probabilities = np.array(shares, dtype=np.float32)
    answer = Classification(probabilities, probabilities, {}, 1, 1)
    assert _entropy_ratio(answer) == pytest.approx(ratio, abs=1e-6)
