"""Refusals are held for a moment, only so many of them, and keep nothing of the request in memory."""

from __future__ import annotations

import asyncio
import gc
import weakref
from types import SimpleNamespace

import orjson
from starlette.requests import Request

from service.api.problems import answer_convserve_error
from service.api.refusals import Refusals
from service.errors import QueueFullError


async def test_a_refusal_is_held_and_then_sent() -> None:
    """It counts among the held ones while it waits, and not after."""
    refusals = Refusals(hold_s=0.001)
    held = asyncio.create_task(refusals.hold())
    await asyncio.sleep(0)
    assert refusals.held == 1
    assert await held is True
    assert refusals.held == 0


async def test_beyond_the_cap_nobody_waits() -> None:
    """The caller is refused at once; a place that becomes free is taken again."""
    refusals = Refusals(hold_s=3600, most=2)
    held = [asyncio.create_task(refusals.hold()) for _ in range(2)]
    await asyncio.sleep(0)
    assert await refusals.hold() is False
    held[0].cancel()
    await asyncio.gather(held[0], return_exceptions=True)
    assert refusals.held == 1
    held.append(asyncio.create_task(refusals.hold()))
    await asyncio.sleep(0)
    assert refusals.held == 2
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)


class Picture:
    """Something large that a refused request holds on to."""


def _request(refusals: Refusals, *headers: tuple[str, str]) -> Request:
    context = SimpleNamespace(refusals=refusals)
    return Request(
        {
            "type": "http",
            "method": "POST",
            "path": "/predict",
            "headers": [(name.encode(), value.encode()) for name, value in headers],
            "state": {},
            "app": SimpleNamespace(state=SimpleNamespace(context=context)),
        }
    )


async def test_a_full_queue_is_answered_after_the_hold_with_the_time_to_come_back() -> None:
    """The problem is the same as ever; where nobody more is held, the connection is to be closed."""
    refusals = Refusals(hold_s=0.001, most=1)
    error = QueueFullError(capacity=3, retry_after_s=1.5)
    held, at_once = await asyncio.gather(
        *(answer_convserve_error(_request(refusals), error) for _ in range(2)),
    )
    assert [answer.status_code for answer in (held, at_once)] == [503, 503]
    assert [answer.headers.get("connection") for answer in (held, at_once)] == [None, "close"]
    assert held.headers["retry-after"] == "2"
    assert orjson.loads(bytes(held.body))["capacity"] == 3


async def test_a_held_refusal_keeps_no_picture_in_memory() -> None:
    """A thousand of them would be gigabytes."""
    gone: list[weakref.ref[Picture]] = []

    def refuse() -> None:
        picture = Picture()
        gone.append(weakref.ref(picture))
        raise QueueFullError(capacity=3, retry_after_s=1.0)

    refusals = Refusals(hold_s=3600)

    async def handle() -> None:
        try:
            refuse()
        except QueueFullError as error:
            await answer_convserve_error(_request(refusals), error)

    task = asyncio.create_task(handle())
    await asyncio.sleep(0)
    gc.collect()
    assert refusals.held == 1
    assert gone[0]() is None
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
