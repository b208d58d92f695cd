"""Bodies in memory: bounded each, bounded together, and given back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from starlette.requests import Request
from starlette.types import Message

from service.api.bodies import BodyBudget
from service.errors import BodyTooLargeError, CallerGoneError, DeadlineExceededError, QueueFullError, SlowBodyError


def request_of(*chunks: bytes, ends: bool = True) -> Request:
    """Make a request whose body comes in these chunks, and then ends or stays silent."""
    messages: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    if ends:
        messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        return await asyncio.Future()

    return Request({"type": "http", "headers": []}, receive)


async def test_bodies_together_stay_within_the_budget_and_give_it_back() -> None:
    """While one body is held there is no room for a second; afterwards there is."""
    budget = BodyBudget(body_bytes=100, total_bytes=150, body_s=60)
    async with budget.body_of(request_of(bytes(60), bytes(40)), patience_s=60) as body:
        assert (len(body), budget.held_bytes) == (100, 100)
        with pytest.raises(QueueFullError):
            async with budget.body_of(request_of(bytes(60)), patience_s=60):
                pass
        assert budget.held_bytes == 100
    assert (budget.held_bytes, budget.holders) == (0, 0)
    async with budget.body_of(request_of(bytes(60)), patience_s=60) as body:
        assert len(body) == 60


async def test_body_that_outgrows_its_bound_gives_its_memory_back() -> None:
    """A body of unknown length is refused as soon as it is too long."""
    budget = BodyBudget(body_bytes=100, total_bytes=1000, body_s=60)
    with pytest.raises(BodyTooLargeError):
        async with budget.body_of(request_of(bytes(60), bytes(60)), patience_s=60):
            pass
    assert (budget.held_bytes, budget.holders) == (0, 0)


@pytest.mark.parametrize(
    ("body_s", "patience_s", "error"), [(0.01, 60, SlowBodyError), (60, 0.01, DeadlineExceededError)]
)
async def test_body_that_stops_coming_ends_with_whoever_is_less_patient(
    body_s: float, patience_s: float, error: type[Exception]
) -> None:
    """The service's own limit answers that the body was slow, the caller's that its time is over."""
    budget = BodyBudget(body_bytes=100, total_bytes=1000, body_s=body_s)
    with pytest.raises(error):
        async with budget.body_of(request_of(b"start", ends=False), patience_s=patience_s):
            pass
    assert budget.held_bytes == 0


async def test_caller_that_hangs_up_within_its_body_is_gone() -> None:
    """What was held for it is given back."""
    budget = BodyBudget(body_bytes=100, total_bytes=1000, body_s=60)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(CallerGoneError):
        async with budget.body_of(Request({"type": "http", "headers": []}, receive), patience_s=60):
            pass
    assert (budget.held_bytes, budget.holders) == (0, 0)


async def test_pieces_made_of_a_body_stay_within_the_same_bounds_and_are_given_back() -> None:
    """One that grows beyond them is made no further."""
    budget = BodyBudget(body_bytes=100, total_bytes=150, body_s=60)
    made: list[int] = []

    def pieces(*, count: int) -> Iterator[bytes]:
        for number in range(count):
            made.append(number)
            yield bytes(40)

    async with budget.gathered(pieces(count=2)) as body:
        assert (len(body), budget.held_bytes) == (80, 80)
        with pytest.raises(QueueFullError):
            async with budget.gathered(pieces(count=2)):
                pass
        assert budget.held_bytes == 80
    made.clear()
    with pytest.raises(BodyTooLargeError):
        async with budget.gathered(pieces(count=1000)):
            pass
    assert (budget.held_bytes, len(made)) == (0, 3)
