"""`tests.benchmarks.serving.open_loop`: every request that should leave leaves, and ends in one way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvloop

from tests.benchmarks.serving.arrivals import Schedule
from tests.benchmarks.serving.open_loop import PATIENCE_S, Outcome, Target, http_request, send

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"


class Talk(asyncio.Protocol):
    """Answers requests in turn, and hangs up where the answer is empty.

    Args:
        answers: In turn over all connections.
        asked: Heads of requests as they came, over all connections.
        ended: Set for each connection at its end.

    """

    def __init__(self, answers: tuple[bytes, ...], asked: list[bytes], ended: dict[asyncio.Event, Any]) -> None:
        self.answers = answers
        self.asked = asked
        self.ended = ended
        self.end = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection until it ends."""
        self.ended[self.end] = transport

    def data_received(self, data: bytes) -> None:
        """Answer; these requests are shorter than a packet."""
        answer = self.answers[len(self.asked) % len(self.answers)]
        self.asked.append(data)
        transport = self.ended[self.end]
        if answer:
            transport.write(answer)
        else:
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end."""
        del exc
        self.end.set()


@asynccontextmanager
async def server(*answers: bytes) -> AsyncIterator[tuple[Target, list[bytes]]]:
    """Listen; also give what was asked."""
    asked: list[bytes] = []
    ended: dict[asyncio.Event, Any] = {}
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: Talk(answers, asked, ended), "127.0.0.1", 0) as listening:
        port: int = listening.sockets[0].getsockname()[1]
        yield Target("127.0.0.1", port, [http_request("/livez", host="127.0.0.1", port=port)]), asked
        for transport in ended.values():
            transport.abort()
        await asyncio.gather(*(end.wait() for end in ended))


async def test_all_requests_leave_and_are_counted() -> None:
    """Twenty on schedule are twenty at the server and twenty answers."""
    async with server(OK) as (target, asked):
        outcome = await send(target, Schedule(1000.0, 0.02))
    assert len(asked) == len(outcome.accepted_s) == len(outcome.late_s) == 20
    assert (outcome.lost, outcome.given_up, outcome.refused_s) == (0, 0, [])


def test_uvloop_carries_the_load_as_well() -> None:
    """The benchmark sends from uvloop, whose connections are made otherwise."""

    async def load() -> Outcome:
        async with server(OK) as (target, _):
            return await send(target, Schedule(1000.0, 0.02))

    assert len(uvloop.run(load()).accepted_s) == 20


async def test_refusals_count_apart() -> None:
    """An answer that is not 200 is no success, however quick."""
    async with server(OK, BUSY) as (target, _):
        outcome = await send(target, Schedule(1000.0, 0.01))
    assert (len(outcome.accepted_s), len(outcome.refused_s)) == (5, 5)
    assert len(outcome.accepted_at_s) == 5


async def test_closed_connections_count_as_lost() -> None:
    """A server that hangs up gives no answer."""
    async with server(b"") as (target, _):
        outcome = await send(target, Schedule(1000.0, 0.003))
    assert (outcome.lost, outcome.accepted_s) == (3, [])


async def test_nobody_listening_counts_as_lost() -> None:
    """Requests to a dead server are counted and end at once."""
    async with server(OK) as (target, _):
        pass
    outcome = await send(target, Schedule(1000.0, 0.003))
    assert outcome.lost == 3


def test_good_answers_are_those_within_a_second() -> None:
    """Of three answers in two seconds one came too late."""
    assert Outcome(2.0, accepted_s=[0.1, 1.0, 1.5], accepted_at_s=[0.1, 1.0, 2.0]).good_per_s == 1.0


def test_answers_after_the_end_of_the_schedule_are_no_part_of_a_rate() -> None:
    """A queue that is worked off afterwards would count for seconds that nobody divides by."""
    outcome = Outcome(2.0, accepted_s=[0.1, 0.3, 0.3, 1.5], accepted_at_s=[0.1, 2.0, 2.1, 1.9])
    assert (outcome.good_per_s, outcome.accepted_per_s) == (1.0, 1.5)


def test_missing_answers_take_the_whole_patience() -> None:
    """A server that answers only the half of all questions has no quick p99."""
    outcome = Outcome(1.0, accepted_s=[0.001] * 98, lost=1, given_up=1)
    assert outcome.latency_ms(0.5) == 1.0
    assert outcome.latency_ms(0.99) == PATIENCE_S * 1000
