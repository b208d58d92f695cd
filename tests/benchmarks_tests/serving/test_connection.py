"""`tests.benchmarks.serving.connection`: the end of an answer is found however it is cut."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.benchmarks.serving.connection import Connection

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 503 Busy\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
CLOSING = b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nConnection: close\r\n\r\n"
ENDLESS = b"HTTP/1.1 200 OK\r\n\r\nhello"


class Line(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        """Keep it."""
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        """Say whether it was closed."""
        return self.closed

    def close(self) -> None:
        """Close."""
        self.closed = True

    def abort(self) -> None:
        """Close."""
        self.closed = True


class Ears:
    """A listener that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[int | str] = []

    def answered(self, connection: Connection, status: int) -> None:
        """Keep the status."""
        assert connection
        self.told.append(status)

    def lost(self, connection: Connection) -> None:
        """Keep the loss."""
        assert connection
        self.told.append("lost")


def asked() -> tuple[Connection, Line, Ears]:
    """Give a connection that waits for an answer."""
    ears, line = Ears(), Line()
    connection = Connection(ears)
    connection.connection_made(line)
    connection.send(b"GET / HTTP/1.1\r\n\r\n")
    return connection, line, ears


@pytest.mark.parametrize(("answer", "status"), [(PLAIN, 200), (CHUNKED, 503), (CLOSING, 503)])
def test_answer_ends_once_wherever_it_is_cut(answer: bytes, status: int) -> None:
    """Two pieces of any size are one answer, told when the last byte is there and not before."""
    for cut in range(1, len(answer)):
        connection, _, ears = asked()
        connection.data_received(answer[:cut])
        assert ears.told == []
        connection.data_received(answer[cut:])
        assert ears.told == [status]


def test_connection_carries_the_next_request() -> None:
    """What was received before does not count for the next answer."""
    connection, line, ears = asked()
    connection.data_received(PLAIN)
    assert connection.open
    connection.send(b"again")
    connection.data_received(PLAIN)
    assert ears.told == [200, 200]
    assert line.written[-1] == b"again"


def test_connection_that_the_server_closes_is_not_used_again() -> None:
    """`Connection: close` is obeyed."""
    connection, line, _ = asked()
    connection.data_received(CLOSING)
    assert line.closed
    assert not connection.open


def test_answer_without_a_length_ends_with_the_connection() -> None:
    """Some servers close to say that this was all."""
    connection, _, ears = asked()
    connection.data_received(ENDLESS)
    assert ears.told == []
    connection.eof_received()
    connection.connection_lost(None)
    assert ears.told == [200]


def test_broken_connection_is_told_once() -> None:
    """A request whose answer is missing is lost, and one that waits for nothing is not."""
    connection, _, ears = asked()
    connection.data_received(PLAIN[:-1])
    connection.eof_received()
    connection.connection_lost(None)
    assert ears.told == ["lost"]
    idle, _, ears = asked()
    idle.data_received(PLAIN)
    idle.connection_lost(None)
    assert ears.told == [200]
