"""Two acceptors on one real socket share its connections, stand back in turn, and stop without losing any."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from service.workers.acceptor import STAND_BACK_S, Acceptor
from service.workers.balance import Balance
from service.workers.board import Board
from service.workers.protocol import BalancedHttpProtocol

_PATIENCE_S = 60.0
_REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def answer_ok(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer everything with nothing."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


class Port:
    """A socket with some workers' acceptors on it, all in this process and on this event loop."""

    def __init__(self, workers: int, *, stand_back_s: float) -> None:
        self.stand_back_s = stand_back_s
        self.board = Board(workers, clock_ns=lambda: 1)  # nobody is taken for dead because a test takes long
        self.balances = [Balance(self.board, number=number) for number in range(workers)]
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(64)
        self.listener.settimeout(0)
        self.states = [ServerState() for _ in range(workers)]
        # One event loop watches a socket once, so each acceptor has a copy of the listener, as each process has.
        self.copies = [self.listener.dup() for _ in range(workers)]
        self.acceptors = [self._acceptor(number) for number in range(workers)]

    def _acceptor(self, number: int) -> Acceptor:
        config = uvicorn.Config(answer_ok, log_config=None, lifespan="off", ws="none", timeout_keep_alive=600)
        config.load()
        self.board.see(number)
        return Acceptor(
            self.copies[number],
            make_protocol=lambda: BalancedHttpProtocol(
                balance=self.balances[number], config=config, server_state=self.states[number], app_state={}
            ),
            balance=self.balances[number],
            loop=asyncio.get_running_loop(),
            stand_back_s=self.stand_back_s,
        )

    @property
    def held(self) -> list[int]:
        """Connections of each worker as the board shows them."""
        return [self.board.connections(number) for number in range(len(self.acceptors))]

    async def connect(self) -> Connection:
        """Connect and be answered once, so that somebody has accepted."""
        connection = await asyncio.open_connection(*self.listener.getsockname())
        await ask(connection)
        return connection

    async def close(self) -> None:
        """Close everything."""
        for acceptor, state, copy in zip(self.acceptors, self.states, self.copies, strict=True):
            acceptor.close()
            await acceptor.wait_closed()
            for protocol in list(state.connections):
                protocol.shutdown()
            copy.close()
        self.listener.close()


async def ask(connection: Connection) -> bytes:
    """Send a request over a connection and read the head of its answer."""
    reader, writer = connection
    writer.write(_REQUEST)
    return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _PATIENCE_S)


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop turn until something is so."""
    async with asyncio.timeout(_PATIENCE_S):
        while not condition():  # noqa: ASYNC110  nothing tells when another connection's bytes have gone through the kernel
            await asyncio.sleep(0)


@asynccontextmanager
async def opened(workers: int, *, started: bool = True, stand_back_s: float = STAND_BACK_S) -> AsyncIterator[Port]:
    """Open a port."""
    port = Port(workers, stand_back_s=stand_back_s)
    for acceptor in port.acceptors if started else ():
        acceptor.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(port.close)
        yield port


@pytest.mark.parametrize("connections", [4, 5, 16])
async def test_connections_that_stay_are_even_to_within_one(connections: int) -> None:
    """Although whoever wakes first could take all of them."""
    async with opened(2) as port:
        made = [await port.connect() for _ in range(connections)]
        assert sorted(port.held) == [connections // 2, connections - connections // 2]
        for _, writer in made:
            writer.close()
        await until(lambda: port.held == [0, 0])


async def test_connections_that_come_all_at_once_are_even_as_well() -> None:
    """A client that opens its whole pool is the usual case."""
    async with opened(3) as port:
        made = await asyncio.gather(*(port.connect() for _ in range(12)))
        assert port.held == [4, 4, 4]
        for _, writer in made:
            writer.close()


async def test_a_worker_with_more_connections_takes_none_until_the_other_has_as_many() -> None:
    """The new one of two takes what comes."""
    async with opened(2, started=False) as port:
        port.acceptors[0].start()
        made = [await port.connect() for _ in range(3)]
        assert port.held == [3, 0]
        port.acceptors[1].start()
        made += [await port.connect() for _ in range(3)]
        assert port.held == [3, 3]
        for _, writer in made:
            writer.close()


async def test_a_worker_that_stands_back_goes_on_when_the_other_stops_to_accept() -> None:
    """A connection that waited for the other is taken by the one that is left."""
    async with opened(2, started=False) as port:
        port.acceptors[0].start()
        first = await port.connect()
        port.board.see(1)
        port.board.set_accepts(1, accepts=True)  # it says so and does not come
        waiting = asyncio.create_task(port.connect())
        await until(lambda: port.acceptors[0]._pause is not None)
        assert port.held == [1, 0]
        port.board.set_accepts(1, accepts=False)
        second = await waiting
        assert port.held == [2, 0]
        for _, writer in (first, second):
            writer.close()


async def test_a_connection_that_ends_ends_the_standing_back() -> None:
    """With as few as the other it is this worker's turn at once."""
    async with opened(2, started=False, stand_back_s=3600.0) as port:
        port.acceptors[0].start()
        _, writer = await port.connect()
        port.board.see(1)
        port.board.set_accepts(1, accepts=True)
        waiting = asyncio.create_task(port.connect())
        await until(lambda: port.acceptors[0]._pause is not None)
        writer.close()
        _, writer = await waiting
        assert port.held == [1, 0]
        writer.close()


async def test_an_acceptor_that_is_closed_takes_nothing_more_and_keeps_what_it_has() -> None:
    """Another worker takes what comes; a second close changes nothing."""
    async with opened(2) as port:
        made = [await port.connect() for _ in range(2)]
        port.acceptors[0].close()
        port.acceptors[0].close()
        port.acceptors[0].start()
        made += [await port.connect() for _ in range(3)]
        assert port.held == [1, 4]
        assert (await ask(made[0])).startswith(b"HTTP/1.1 200")
        assert (await ask(made[1])).startswith(b"HTTP/1.1 200")
        for _, writer in made:
            writer.close()


async def test_connections_that_wait_when_the_last_worker_stops_are_taken_and_answered() -> None:
    """Their clients believe to be connected; the worker that stops first leaves them to the other."""
    async with opened(2) as port:
        waiting = [socket.create_connection(port.listener.getsockname()) for _ in range(3)]  # nobody accepts meanwhile
        port.acceptors[0].stop()
        assert port.held == [0, 0]
        port.acceptors[1].stop()
        assert port.held == [0, 3]
        for client in waiting:
            connection = await asyncio.open_connection(sock=client)
            assert (await ask(connection)).startswith(b"HTTP/1.1 200")
            connection[1].close()


async def test_an_acceptor_that_has_stopped_does_not_start_again() -> None:
    """Nor does it take what comes later."""
    async with opened(1) as port:
        port.acceptors[0].stop()
        port.acceptors[0].start()
        with socket.create_connection(port.listener.getsockname()):
            port.acceptors[0].stop()
            assert port.held == [0]


async def test_an_acceptor_that_rests_leaves_what_comes_to_others_until_it_starts_again() -> None:
    """And keeps what it has; resting twice is resting."""
    async with opened(2) as port:
        made = [await port.connect() for _ in range(2)]
        port.acceptors[0].rest()
        port.acceptors[0].rest()
        made += [await port.connect() for _ in range(2)]
        assert port.held == [1, 3]
        port.acceptors[0].start()
        made += [await port.connect() for _ in range(2)]
        assert port.held == [3, 3]
        for _, writer in made:
            writer.close()


async def test_an_acceptor_that_stands_back_can_rest() -> None:
    """It does not come back after its moment."""
    async with opened(2, started=False) as port:
        port.acceptors[0].start()
        _, writer = await port.connect()
        port.board.see(1)
        port.board.set_accepts(1, accepts=True)
        waiting = asyncio.create_task(port.connect())
        await until(lambda: port.acceptors[0]._pause is not None)
        port.acceptors[0].rest()
        port.acceptors[1].start()
        _, other = await waiting
        assert port.held == [1, 1]
        writer.close()
        other.close()


async def test_a_connection_that_cannot_be_taken_over_is_closed_and_not_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever the reason: a count that is left over would turn clients away from this worker for ever."""

    def fail() -> BalancedHttpProtocol:
        raise RuntimeError("no protocol today")

    async with opened(1) as port:
        works, port.acceptors[0]._make_protocol = port.acceptors[0]._make_protocol, fail
        reader, writer = await asyncio.open_connection(*port.listener.getsockname())
        assert await asyncio.wait_for(reader.read(), _PATIENCE_S) == b""
        assert port.held == [0]
        assert [record.message for record in caplog.records] == ["cannot take over a connection"]
        writer.close()
        port.acceptors[0]._make_protocol = works
        _, writer = await port.connect()
        assert port.held == [1]
        writer.close()


async def test_a_worker_with_too_many_tells_its_clients_to_come_again() -> None:
    """The answer says that it is the last; the client's next connection goes to the other worker."""
    async with opened(2, started=False) as port:
        port.acceptors[0].start()
        made = [await port.connect() for _ in range(4)]
        port.acceptors[1].start()
        for _ in range(10):
            for balance in port.balances:
                balance.turn()
        answers = [await ask(connection) for connection in made]
        assert sum(b"connection: close" in answer for answer in answers) == 2
        assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers)
        await until(lambda: port.held == [2, 0])
        made += [await port.connect() for _ in range(2)]
        assert port.held == [2, 2]
        for _, writer in made:
            writer.close()


async def test_without_a_file_descriptor_left_it_is_said_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A service at its limit goes on as soon as there is room."""

    class Exhausted(socket.socket):
        fails = 1

        def accept(self) -> tuple[socket.socket, object]:
            if self.fails:
                self.fails -= 1
                raise OSError(24, "Too many open files")
            return super().accept()

    async with opened(1, started=False) as port:
        port.acceptors[0]._listener = Exhausted(fileno=port.copies[0].detach())
        port.copies[0] = port.acceptors[0]._listener
        port.acceptors[0].start()
        _, writer = await port.connect()
        assert [record.message for record in caplog.records] == ["cannot accept a connection"]
        assert port.held == [1]
        writer.close()
