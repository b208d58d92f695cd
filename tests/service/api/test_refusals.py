"""Refusals are held for a moment, only so many of them, and keep nothing of the request in memory."""

from __future__ import annotations

import asyncio

from service.api.refusals import Refusals


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
