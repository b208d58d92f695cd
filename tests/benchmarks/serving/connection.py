"""One HTTP/1.1 connection of an open-loop client: sends one request at a time and finds the end of its answer.

It reads as much of HTTP as these servers answer: a status line, `Content-Length` or chunks, `Connection: close`. Times
come from the event loop's clock.
"""

from __future__ import annotations

import asyncio
import re
from typing import Final, Protocol, cast

_HEAD_ENDS: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_CLOSES: Final = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_LAST_CHUNK: Final = b"0\r\n\r\n"


class Listener(Protocol):
    """Who is told how a request ended."""

    def answered(self, connection: Connection, status: int) -> None:
        """Take the status of the answer; the connection is free again where it is still open."""

    def lost(self, connection: Connection) -> None:
        """Learn that the connection ended before the answer was complete."""


class Connection(asyncio.Protocol):
    """A connection and the answer that it is reading.

    Args:
        listener: Who is told.

    """

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._answer_bytes: int | None = None  # head and body together, once the head is there
        self._waiting = False

    @property
    def open(self) -> bool:
        """Whether another request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but name

    def send(self, request: bytes) -> None:
        """Send a request; the one before was answered."""
        assert self._transport is not None
        self._received, self._answer_bytes, self._waiting = b"", None, True
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Read on until the answer is complete."""
        self._received += data
        if self._waiting and self._is_complete():
            self._finish()

    def eof_received(self) -> None:
        """Take the end of the connection for the end of an answer without a length."""
        head, ends, _ = self._received.partition(_HEAD_ENDS)
        if self._waiting and ends and not (_LENGTH.search(head) or _CHUNKED.search(head)):
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the listener where an answer is missing."""
        del exc
        if self._waiting:
            self._waiting = False
            self._listener.lost(self)

    def abort(self) -> None:
        """Go away without waiting for the answer."""
        self._waiting = False
        if self._transport is not None:
            self._transport.abort()

    def _is_complete(self) -> bool:
        if self._answer_bytes is None:
            end = self._received.find(_HEAD_ENDS)
            if end < 0:
                return False
            head = self._received[:end]
            length = _LENGTH.search(head)
            if length is None:
                return bool(_CHUNKED.search(head)) and self._received.endswith(_LAST_CHUNK)
            self._answer_bytes = end + len(_HEAD_ENDS) + int(length.group(1))
        return len(self._received) >= self._answer_bytes

    def _finish(self) -> None:
        self._waiting = False
        status = int(self._received.split(b" ", 2)[1])
        head = self._received.partition(_HEAD_ENDS)[0]
        if self._transport is not None and _CLOSES.search(head):
            self._transport.close()
        self._listener.answered(self, status)
