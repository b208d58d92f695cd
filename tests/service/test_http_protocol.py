"""The bounded protocol on real sockets: heads, silence, upgrades, and bodies that nobody reads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from service.http_protocol import HEAD_LIMIT_BYTES, BoundedHttpProtocol

_PATIENCE_S = 30.0


async def echo_length(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the length of the body, or at once for /early."""
    length, more = 0, scope["path"] != "/early"
    while more:
        message = await receive()
        length, more = length + len(message.get("body", b"")), message.get("more_body", False)
    body = str(length).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def connected(keep_alive_s: int = 60) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect to a server of this protocol."""
    config = uvicorn.Config(echo_length, log_config=None, timeout_keep_alive=keep_alive_s, lifespan="off", ws="none")
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: BoundedHttpProtocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        server.close()


async def read_answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Read one answer: its status line and its body."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _PATIENCE_S)
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return head.partition(b"\r\n")[0], await asyncio.wait_for(reader.readexactly(length), _PATIENCE_S)


@pytest.mark.parametrize("header", [b"Upgrade: h2c\r\n", b"UPGRADE:  h2c\r\n", b""])
async def test_body_behind_an_offer_of_http_2_arrives_whole(header: bytes) -> None:
    """A client that offers an upgrade with its request is answered as if it had not, in one packet or two."""
    head = b"POST / HTTP/1.1\r\nhost: x\r\n" + header + b"connection: Upgrade\r\ncontent-length: 5\r\n\r\n"
    async with connected() as (reader, writer):
        for packets in ([head + b"abcde"], [head, b"abcde"], [head[:40], head[40:], b"ab", b"cde"]):
            for packet in packets:
                writer.write(packet)
                await writer.drain()
                await asyncio.sleep(0)
            assert await read_answer(reader) == (b"HTTP/1.1 200 OK", b"5")


async def test_pipelined_requests_are_answered_in_order() -> None:
    """Two requests in one packet, the second torn in its head, both get their answer."""
    request = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"
    async with connected() as (reader, writer):
        writer.write(request % 1 + b"a" + (request % 2)[:25])
        assert await read_answer(reader) == (b"HTTP/1.1 200 OK", b"1")
        writer.write((request % 2)[25:] + b"ab")
        assert await read_answer(reader) == (b"HTTP/1.1 200 OK", b"2")


@pytest.mark.parametrize("pieces", [1, 50])
async def test_head_above_the_limit_is_refused_and_the_connection_closed(pieces: int) -> None:
    """Headers without end take no memory without end, however they come."""
    async with connected() as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\n")
        for _ in range(pieces):
            writer.write(b"a: " + b"b" * (HEAD_LIMIT_BYTES // pieces) + b"\r\n")
            await writer.drain()
        status, body = await read_answer(reader)
        assert status == b"HTTP/1.1 431 Request Header Fields Too Large"
        assert b"65536 bytes" in body
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await asyncio.wait_for(reader.readexactly(1), _PATIENCE_S)


@pytest.mark.parametrize("said", [b"", b"GET / HT"])
async def test_connection_without_a_request_is_closed(said: bytes) -> None:
    """A client that says nothing, or not enough, does not hold its connection for ever."""
    async with connected(keep_alive_s=1) as (reader, writer):
        writer.write(said)
        assert await asyncio.wait_for(reader.read(), _PATIENCE_S) == b""


async def test_what_is_no_http_is_answered_as_a_problem() -> None:
    """Even bytes of another protocol get an answer in the form of all refusals."""
    async with connected() as (reader, writer):
        writer.write(b"\x16\x03\x01 tls\r\n\r\n")
        status, body = await read_answer(reader)
        assert status == b"HTTP/1.1 400 Bad Request"
        assert b'"status":400' in body


async def test_body_that_nobody_reads_does_not_hold_up_the_next_request() -> None:
    """An early answer leaves the connection usable: the rest of the body is read past."""
    async with connected() as (reader, writer):
        writer.write(b"POST /early HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n")
        assert await read_answer(reader) == (b"HTTP/1.1 200 OK", b"0")
        writer.write(bytes(100_000) + b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc")
        assert await read_answer(reader) == (b"HTTP/1.1 200 OK", b"3")
