"""One worker process: the service as it is with one process, on its share of cores and connections.

    forked ──▶ app built ──▶ accepts at once where nobody else serves yet,
                             else when its models are loaded ──▶ SIGTERM: answers what it has accepted ──▶ exit 0

The terminal's Ctrl-C is the supervisor's business. A second SIGTERM changes nothing, because a process manager may send
one to every process and the supervisor sends another; whoever wants an end at once has SIGKILL. A worker whose
supervisor is gone ends as if it had been told to.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from dataclasses import dataclass
from types import FrameType

from fastapi import FastAPI
from uvicorn.config import STARTUP_FAILURE

from service.app import create_app
from service.errors import ConvserveError
from service.fleet.membership import Member
from service.security.rate_cells import RateCells
from service.server import Server, configuration, end_process, ended_cleanly, give_up
from service.settings import Settings
from service.telemetry.logs import log
from service.telemetry.shared_series import SharedSeries
from service.workers.acceptor import Acceptor
from service.workers.balance import Balance
from service.workers.protocol import BalancedHttpProtocol

EXIT_CLEAN = 0
EXIT_UNFINISHED = 1
EXIT_REFUSED = 2
_REPORT_BYTES = 4096  # a pipe holds them until they are read


@dataclass(frozen=True, slots=True)
class Post:
    """What a worker is given by the supervisor.

    Args:
        settings: Its share of the service's.
        listener: The service's socket, shared by all workers.
        balance: Its connections among those of the others.
        series: Its counts among theirs.
        member: Its say in which versions are live.
        rate_cells: What keys have spent with all of them.
        lifeline: Read end of a pipe that says nothing and is closed when the supervisor ends.
        report: Write end of a pipe for the reason why this worker cannot serve.
        accepts_at_once: Whether it accepts before its models are loaded, because nobody else answers.

    """

    settings: Settings
    listener: socket.socket
    balance: Balance
    series: SharedSeries
    member: Member
    rate_cells: RateCells
    lifeline: int
    report: int
    accepts_at_once: bool


class WorkerServer(Server):
    """uvicorn's server on a socket that is shared.

    Args:
        app: What answers.
        post: See there.

    """

    stop_signals = (signal.SIGTERM,)

    def __init__(self, app: FastAPI, *, post: Post) -> None:
        super().__init__(configuration(app, post.settings), on_stop=app.state.context.scheduler.drain)
        self._post = post
        self._balance = post.balance
        self._metrics = app.state.context.metrics
        self._is_loaded = False

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
        if self._post.accepts_at_once:
            self._acceptor.start()
        self.started = True

    async def on_tick(self, counter: int) -> bool:
        """Show that this worker lives, ten times a second."""
        self._balance.turn()
        self._metrics.publish()
        if self._is_loaded or self._balance.is_alone():  # alone: who was there when this one was forked is not any more
            self._acceptor.start()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Finish what is accepted, however often one asks."""
        if not self.should_exit:
            super().handle_exit(sig, frame)

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
            shared=post.series,
            member=post.member,
            rate_cells=post.rate_cells,
        )
        server = WorkerServer(app, post=post)
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
