"""uvicorn's HTTP/1.1 protocol with bounds: on the size of a head, on waiting for it, and on bodies that nobody reads.

It also serves clients that offer an upgrade to HTTP/2 in clear text with every request (`Upgrade: h2c`, as Java's own
client does): the offer is struck out, because httptools would take the request's body for the new protocol's bytes.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_LIMIT_BYTES: Final = 64 * 1024
DISCARD_S: Final = 30.0  # longest time to read on after an answer was given, so that the client can finish sending

_HEAD_ENDS: Final = b"\r\n\r\n"
_UPGRADE_LINE: Final = re.compile(rb"\r\nupgrade:[^\r\n]*", re.IGNORECASE)
_STATUS_TEXTS: Final = {400: "Bad Request", 431: "Request Header Fields Too Large"}


class BoundedHttpProtocol(HttpToolsProtocol):
    """One connection.

    A head is handed to the parser only when it is complete. Until then uvicorn's keep-alive timer, which this class
    also starts for a new connection, runs on and closes the connection of a client that says nothing or trickles.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  uvicorn's own arguments, passed through
        super().__init__(*args, **kwargs)
        self._head = b""  # of the next request, as far as it has come
        self._expects_head = True
        self._parser_in_head = False
        self._parsed_head_bytes = 0
        self._discards_until_s: float | None = None
        self._unanswered: list[RequestResponseCycle] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give a new connection as long for its first request as an idle one for its next."""
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn narrows the type
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell every request on this connection that its caller is gone; uvicorn tells only the newest."""
        super().connection_lost(exc)
        for cycle in self._unanswered:
            cycle.disconnected = True
            cycle.message_event.set()
        self._unanswered.clear()

    def data_received(self, data: bytes) -> None:
        """Gather the head of a request, then pass everything on."""
        if self._expects_head and not self._parser_in_head:
            data = self._head + data
            end = data.find(_HEAD_ENDS)
            if max(end, len(data) if end < 0 else 0) > HEAD_LIMIT_BYTES:
                self._refuse(431, f"The request line and headers may have at most {HEAD_LIMIT_BYTES} bytes together.")
                return
            if end < 0:
                self._head = data
                return
            self._head = b""
            data = _without_upgrade(data, end)
        super().data_received(data)
        if self.parser is not None and not self.transport.is_closing():
            self._bound_pipelined_head(data)
            self._bound_discarding()

    def on_message_begin(self) -> None:
        """Note that the parser is inside a head."""
        super().on_message_begin()
        self._parser_in_head = True
        self._parsed_head_bytes = 0

    def on_headers_complete(self) -> None:
        """Note that a body follows."""
        self._parser_in_head = self._expects_head = False
        self._discards_until_s = None
        super().on_headers_complete()
        self._unanswered = [cycle for cycle in self._unanswered if not cycle.response_complete]
        if self.cycle is not None:
            self._unanswered.append(self.cycle)

    def on_message_complete(self) -> None:
        """Note that the next bytes are a head."""
        self._expects_head = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP in the same form as every other refusal."""
        self._refuse(400, msg)

    def _bound_pipelined_head(self, data: bytes) -> None:
        """Bound a head that came behind another request and is therefore in the parser already."""
        if self._parser_in_head:
            self._parsed_head_bytes += len(data)
            if self._parsed_head_bytes > 2 * HEAD_LIMIT_BYTES:
                self._refuse(431, f"The request line and headers may have at most {HEAD_LIMIT_BYTES} bytes together.")

    def _bound_discarding(self) -> None:
        """Close the connection of a client that goes on sending a body long after its answer."""
        if self._expects_head or self.cycle is None or not self.cycle.response_complete:
            return
        if self._discards_until_s is None:
            self._discards_until_s = self.loop.time() + DISCARD_S
        elif self.loop.time() > self._discards_until_s:
            self.transport.close()

    def _refuse(self, status: int, detail: str) -> None:
        title = _STATUS_TEXTS[status]
        slug = title.lower().replace(" ", "-")
        body = orjson.dumps(
            {"type": f"urn:convserve:problem:{slug}", "title": title, "status": status, "detail": detail}
        )
        head = (
            f"HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


def _without_upgrade(data: bytes, end: int) -> bytes:
    """Strike an offer to change the protocol out of a head that ends at `end`."""
    head = data[:end]
    stripped = _UPGRADE_LINE.sub(b"", head)
    return data if len(stripped) == len(head) else stripped + data[end:]
