"""A worker's server accepts where it can answer or nobody else can, and leaves at once what comes when told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from service.app import create_app
from service.company import Company
from service.fleet.membership import Fleet, Member
from service.settings import Settings
from service.telemetry.shared_page import Page
from service.telemetry.shared_series import SharedSeries
from service.workers.balance import Balance
from service.workers.board import Board
from service.workers.protocol import BalancedHttpProtocol
from service.workers.worker import Post, WorkerServer
from tests.model_folders import picture as color_picture
from tests.model_folders import write_model


class Station:
    """The server of one of two workers, with all that a supervisor gives it; the other one is a line on the board."""

    def __init__(self, models_dir: Path, listener: socket.socket) -> None:
        self.now_ns = 1  # nobody is taken for dead because a test takes long
        self.board = Board(2, clock_ns=lambda: self.now_ns)
        self.lifeline, self.supervisor_end = os.pipe()
        settings = Settings(models_dir=models_dir)
        series = SharedSeries([Page(numbers=4096, name_bytes=2**20) for _ in range(2)], number=0)
        company = Company(series, Member(Fleet(2)))
        post = Post(
            settings=settings,
            listener=listener,
            balance=Balance(self.board, number=0),
            series=series,
            company=company,
            lifeline=self.lifeline,
            report=-1,
        )
        self.app = create_app(settings, company=company)
        self.server = WorkerServer(self.app, post=post, arrival_s=3600)  # however slow the machine is
        self.address = listener.getsockname()

    def let_other_serve(self) -> None:
        """Let the other worker come up and accept."""
        self.board.see(1)
        self.board.set_up(1)
        self.board.set_accepts(1, accepts=True)

    def accepts(self) -> bool:
        """Tell what the other worker sees."""
        return self.board.least_of_others(1) is not None

    async def tick(self) -> bool:
        """Let the server's clock tick once."""
        return await self.server.on_tick(1)


@pytest.fixture
async def station(tmp_path: Path) -> AsyncIterator[Station]:
    """Start the server as uvicorn does, and end it."""
    write_model(tmp_path)
    async with listening() as listener:
        station = Station(tmp_path, listener)
        config = station.server.config
        config.load()
        station.server.lifespan = config.lifespan_class(config)
        await station.server.startup()
        yield station
        if not station.app.state.context.scheduler.draining:
            await station.server.shutdown()
        asyncio.get_running_loop().remove_reader(station.lifeline)
        for end in (station.lifeline, station.supervisor_end):
            os.close(end)


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop turn until something is so."""
    async with asyncio.timeout(600):
        while not condition():  # noqa: ASYNC110  threads and the kernel tell the event loop, not this test
            await asyncio.sleep(0)


@asynccontextmanager
async def listening() -> AsyncIterator[socket.socket]:
    """Listen on a free port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(0)
        yield listener


async def test_a_worker_without_models_accepts_only_where_nobody_else_can_answer(station: Station) -> None:
    """Liveness answers from the first moment, and whoever was told that the service is ready meets no other answer."""
    await station.tick()
    assert station.accepts()
    station.let_other_serve()
    await station.tick()
    assert not station.accepts()
    station.board.clear(1)  # the other one has died
    await station.tick()
    assert station.accepts()


async def test_a_worker_accepts_beside_others_once_its_models_are_loaded(station: Station) -> None:
    """Not a moment earlier."""
    station.let_other_serve()
    await station.tick()
    assert not station.accepts()
    station.server.loaded()
    await station.tick()
    assert station.accepts()


async def test_a_worker_that_is_told_to_stop_accepts_nothing_more_at_once(station: Station) -> None:
    """Before its server's clock ticks again; what came meanwhile would be refused here and answered elsewhere."""
    await station.tick()
    station.server.handle_exit(signal.SIGTERM, None)
    await asyncio.sleep(0)
    assert not station.accepts()
    assert await station.tick()
    assert not station.accepts()


async def test_a_request_that_has_begun_to_arrive_when_the_worker_stops_is_answered(station: Station) -> None:
    """It was accepted; whoever sends it does not know of any stop."""
    await until(lambda: not station.app.state.context.registry.waiting_for())
    await station.tick()
    reader, writer = await asyncio.open_connection(*station.address)
    picture = color_picture("red")
    writer.write(b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(picture) + picture[:20])
    await until(lambda: bool(station.server.server_state.tasks))
    station.server.handle_exit(signal.SIGTERM, None)
    await station.tick()
    stopping = asyncio.create_task(station.server.shutdown())
    (connection,) = station.server.server_state.connections
    assert isinstance(connection, BalancedHttpProtocol)
    await until(lambda: not connection.cycle.keep_alive)
    writer.write(picture[20:])
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer
    writer.close()
    await stopping
    assert station.app.state.context.scheduler.draining


async def test_a_worker_that_finishes_its_work_is_not_taken_for_hanging(station: Station) -> None:
    """From the end of its server's clock on it need not be seen."""
    station.server.loaded()
    await station.tick()
    station.server.handle_exit(signal.SIGTERM, None)
    await asyncio.sleep(0)
    await station.tick()
    await station.server.shutdown()
    station.now_ns += 3600 * 10**9
    assert station.board.unseen_s(0) == 0


async def test_a_worker_is_told_to_stop_by_the_end_of_its_supervisor(station: Station) -> None:
    """Nothing else tells of a supervisor that was killed."""
    await station.tick()
    os.close(station.supervisor_end)
    await until(lambda: station.server.should_exit)
    assert not await _accepts_after_a_turn(station)
    station.supervisor_end = os.dup(station.lifeline)  # for the fixture to close


async def _accepts_after_a_turn(station: Station) -> bool:
    await asyncio.sleep(0)
    return station.accepts()
