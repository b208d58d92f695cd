"""Load in an open loop: requests leave on schedule whether or not earlier ones were answered, as real callers' do.

Latency counts from the time at which a request should have left, so that a server which makes the client wait cannot
hide it. A request takes an idle connection or opens a new one; a client goes away after its patience.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.benchmarks.serving.arrivals import Schedule
from tests.benchmarks.serving.connection import Connection
from tests.benchmarks.serving.figures import percentile

PATIENCE_S: Final = 10.0
_OK: Final = 200
_GOOD_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where an open loop sends to.

    Args:
        host: Address.
        port: TCP port.
        requests: Complete HTTP requests, sent in turn.

    """

    host: str
    port: int
    requests: Sequence[bytes]


@dataclass(slots=True)
class Outcome:
    """What became of the requests of an open loop; seconds count from the scheduled time.

    Args:
        seconds: Length of the schedule.
        accepted_s: Latency of each answer with status 200.
        accepted_at_s: When each of these came, from the start of the schedule.
        refused_s: Latency of each other answer.
        lost: Connections that broke or could not be opened.
        given_up: Requests whose client lost patience.
        late_s: How much later than scheduled each request left: the client's own share.

    """

    seconds: float
    accepted_s: list[float] = field(default_factory=list)
    accepted_at_s: list[float] = field(default_factory=list)
    refused_s: list[float] = field(default_factory=list)
    lost: int = 0
    given_up: int = 0
    late_s: list[float] = field(default_factory=list)

    @property
    def accepted_per_s(self) -> float:
        """Answers with status 200 per second; what a queue still gives after the schedule's end does not count."""
        return sum(at_s <= self.seconds for at_s in self.accepted_at_s) / self.seconds

    @property
    def good_per_s(self) -> float:
        """The same, of answers that came within 1 s."""
        answers = zip(self.accepted_s, self.accepted_at_s, strict=True)
        return sum(latency_s <= _GOOD_S and at_s <= self.seconds for latency_s, at_s in answers) / self.seconds

    def latency_ms(self, share: float) -> float:
        """Give a percentile of all requests; one that was never answered took all of the patience."""
        missing = [PATIENCE_S] * (self.lost + self.given_up)
        return percentile([*self.accepted_s, *self.refused_s, *missing], share) * 1000

    def late_ms(self, share: float) -> float:
        """Give a percentile of the client's own delay."""
        return percentile(self.late_s, share) * 1000


class OpenLoop:
    """Sends on schedule.

    Args:
        target: Where.
        schedule: When.

    """

    def __init__(self, target: Target, schedule: Schedule) -> None:
        self.outcome = Outcome(schedule.seconds)
        self._target = target
        self._schedule = schedule
        self._idle: list[Connection] = []
        self._pending: dict[Connection, tuple[float, asyncio.TimerHandle]] = {}
        self._ended = asyncio.Event()
        self._clock = time.perf_counter  # uvloop's own clock counts milliseconds
        self._start_s = 0.0

    async def run(self) -> Outcome:
        """Send everything and wait for the answers, no longer than the patience."""
        self._start_s = start_s = self._clock()
        async with asyncio.TaskGroup() as opening:
            for number, due_s in enumerate(self._schedule.times_s()):
                wait_s = start_s + due_s - self._clock()
                if wait_s > 0:  # where the client is late, it sends all that is due without a pause
                    await asyncio.sleep(wait_s)
                self._leave(number=number, due_s=start_s + due_s, opening=opening)
        while self._pending:
            self._ended.clear()
            await self._ended.wait()
        for connection in self._idle:
            connection.abort()
        await asyncio.sleep(0)  # they end in the loop's next turn
        return self.outcome

    def answered(self, connection: Connection, status: int) -> None:
        """Count an answer and take the connection back."""
        due_s, timer = self._pending.pop(connection)
        timer.cancel()
        now_s = self._clock()
        if status == _OK:
            self.outcome.accepted_s.append(now_s - due_s)
            self.outcome.accepted_at_s.append(now_s - self._start_s)
        else:
            self.outcome.refused_s.append(now_s - due_s)
        self._ended.set()
        if connection.open:
            self._idle.append(connection)

    def lost(self, connection: Connection) -> None:
        """Count a request whose connection broke."""
        _, timer = self._pending.pop(connection)
        timer.cancel()
        self.outcome.lost += 1
        self._ended.set()

    def _leave(self, *, number: int, due_s: float, opening: asyncio.TaskGroup) -> None:
        request = self._target.requests[number % len(self._target.requests)]
        while self._idle:
            connection = self._idle.pop()
            if connection.open:
                self._send(connection, request, due_s)
                return
        opening.create_task(self._open_and_send(request, due_s))

    async def _open_and_send(self, request: bytes, due_s: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._patience_left_s(due_s)):
                _, connection = await loop.create_connection(
                    lambda: Connection(self), self._target.host, self._target.port
                )
        except TimeoutError:
            self.outcome.given_up += 1
        except OSError:
            self.outcome.lost += 1
        else:
            self._send(connection, request, due_s)

    def _send(self, connection: Connection, request: bytes, due_s: float) -> None:
        self.outcome.late_s.append(self._clock() - due_s)
        timer = asyncio.get_running_loop().call_later(self._patience_left_s(due_s), self._give_up, connection)
        self._pending[connection] = (due_s, timer)
        connection.send(request)

    def _patience_left_s(self, due_s: float) -> float:
        return max(0.0, due_s + PATIENCE_S - self._clock())

    def _give_up(self, connection: Connection) -> None:
        del self._pending[connection]
        connection.abort()
        self.outcome.given_up += 1
        self._ended.set()


async def send(target: Target, schedule: Schedule) -> Outcome:
    """Send on schedule and wait for what becomes of it."""
    return await OpenLoop(target, schedule).run()


def http_request(
    path: str, *, host: str, port: int, body: bytes = b"", content_type: str = "", method: str = "GET"
) -> bytes:
    """Write a request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\n"
    if body:
        head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body
