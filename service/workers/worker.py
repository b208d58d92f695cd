"""One worker process: the service as it is with one process, on its share of cores and connections.

    forked ──▶ app built ──▶ accepts when its models are loaded, before that
                             only where nobody else can answer ──▶ SIGTERM: answers what it has accepted ──▶ exit 0

Clients that find one worker ready are therefore not sent to another that is not.

The terminal's Ctrl-C and its end are the supervisor's business. A second SIGTERM changes nothing, because a process
manager may send one to every process and the supervisor sends another; whoever wants an end at once has SIGKILL. A
worker whose supervisor is gone ends as if it had been told to.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import Final

import uvicorn.lifespan.on  # uvicorn imports both late, which would be after the fork: in each worker again,
import uvicorn.loops.uvloop  # noqa: F401  and without uvloop each of them would fail, instead of the supervisor
from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE

from service.app import create_app
from service.company import Company
from service.errors import ConvserveError
from service.server import Server, configuration, end_process, ended_cleanly, give_up
from service.settings import Settings
from service.telemetry.logs import log
from service.telemetry.shared_series import SharedSeries
from service.workers.acceptor import Acceptor
from service.workers.balance import Balance
from service.workers.protocol import BalancedHttpProtocol

EXIT_CLEAN: Final = 0
EXIT_UNFINISHED: Final = 1
EXIT_REFUSED: Final = 2
ARRIVAL_S: Final = 1.0  # a part of what the supervisor waits for beyond the drain time
_REPORT_BYTES: Final = 4096  # a pipe holds them until they are read


@dataclass(frozen=True, slots=True)
class Post:
    """What a worker is given by the supervisor.

    Args:
        settings: Its share of the service's.
        listener: The service's socket, shared by all workers.
        balance: Its connections among those of the others.
        series: Its counts among theirs.
        company: All that it has in common with them, its counts included.
        lifeline: Read end of a pipe that says nothing and is closed when the supervisor ends.
        report: Write end of a pipe for the reason why this worker cannot serve.

    """

    settings: Settings
    listener: socket.socket
    balance: Balance
    series: SharedSeries
    company: Company
    lifeline: int
    report: int


class WorkerServer(Server):
    """uvicorn's server on a socket that is shared.

    Args:
        app: What answers.
        post: See there.
        arrival_s: How long the body of a request may still take to arrive when the worker stops, in seconds.

    """

    def __init__(self, app: FastAPI, *, post: Post, arrival_s: float = ARRIVAL_S) -> None:
        super().__init__(configuration(app, post.settings), on_stop=app.state.context.scheduler.drain)
        self._post = post
        self._arrival_s = arrival_s
        self._balance = post.balance
        self._metrics = app.state.context.metrics
        self._is_loaded = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def loaded(self) -> None:
        """Note that the models are there: time to accept."""
        self._is_loaded = True
        self._balance.board.set_up(self._balance.number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002  uvicorn's signature
        """Start the app, and accept in turn with the other workers; takes the place of uvicorn's own."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(STARTUP_FAILURE)
        loop = asyncio.get_running_loop()
        self._acceptor = Acceptor(self._post.listener, make_protocol=self._protocol, balance=self._balance, loop=loop)
        self.servers = [self._acceptor]  # type: ignore[list-item]  # of a server uvicorn needs no more than it has
        loop.add_reader(self._post.lifeline, self._orphaned)
        self._loop = loop
        self.started = True

    async def on_tick(self, counter: int) -> bool:
        """Show that this worker lives, ten times a second."""
        self._balance.turn()
        self._metrics.publish()
        if self._is_loaded or not self._balance.others_serve():
            self._acceptor.start()
        else:
            self._acceptor.rest()
        return await super().on_tick(counter)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: `run_worker` says what the process does with them, from its start to its end."""
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  a signal handler's signature
        """Leave what comes to the other workers at once, and finish what is accepted, however often one asks."""
        if self.should_exit:
            return
        log(logging.INFO, "stopping", signal=signal.Signals(sig).name)
        self.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # it has ended meanwhile
                self._loop.call_soon_threadsafe(self._leave)

    def _leave(self) -> None:
        self._acceptor.stop()
        self._post.listener.close()  # when all have done so, a client is refused at once instead of waiting in vain

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell connections to end, and refuse only what has not arrived a while later: the rest is work accepted."""
        refusing = asyncio.get_running_loop().call_later(self._arrival_s, self._on_stop)
        try:
            await super().shutdown(sockets)
        finally:
            refusing.cancel()

    def _protocol(self) -> BalancedHttpProtocol:
        return BalancedHttpProtocol(
            balance=self._balance,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )

    def _orphaned(self) -> None:
        asyncio.get_running_loop().remove_reader(self._post.lifeline)
        log(logging.ERROR, "the supervisor is gone")
        self.handle_exit(signal.SIGTERM, None)


def run_worker(post: Post) -> int:
    """Serve until told to stop; runs in the worker's own process.

    Returns:
        Exit code.

    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end_early)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    post.series.begin(os.getpid())
    failures: list[ConvserveError] = []

    def tell_loaded() -> None:
        server.loaded()

    try:
        app = create_app(
            post.settings,
            on_failure=lambda error: give_up(server, failures, error),
            on_loaded=tell_loaded,
            company=post.company,
        )
        server = WorkerServer(app, post=post)
        signal.signal(signal.SIGTERM, server.handle_exit)
        server.run(sockets=[post.listener])
    except ConvserveError as error:
        failures.append(error)
    if failures:
        os.write(post.report, str(failures[0]).encode()[:_REPORT_BYTES])
        return EXIT_REFUSED
    return EXIT_CLEAN if ended_cleanly(app, post.settings) else EXIT_UNFINISHED


def _end_early(_sig: int, _frame: FrameType | None) -> None:
    """End before anything was accepted."""
    end_process(EXIT_CLEAN)
