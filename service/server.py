"""Runs the app on a socket until it is told to stop, and then finishes what it has accepted.

    SIGTERM, Ctrl-C or the end of its terminal ──▶ not ready, new work refused ──▶ accepted requests answered ──▶ exit 0

A second SIGTERM or Ctrl-C ends the process at once. The socket is bound here, before anything is loaded, so that a port
in use is an error at once. Knows one process; `service.workers` puts several behind one socket.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Final, NoReturn

import uvicorn
from fastapi import FastAPI

from service.app import create_app
from service.engine.allocator import tune_allocator
from service.errors import ConfigurationError, ConvserveError
from service.http_protocol import BoundedHttpProtocol
from service.settings import Settings
from service.telemetry.logs import log

_BACKLOG: Final = 2048
_KEEP_ALIVE_S: Final = 75  # longer than the idle time of common reverse proxies, so that they close first
SIGNALLED: Final = 128  # added to the signal's number, as shells do
_ENDED_TERMINAL: Final = signal.SIGHUP  # comes from the shell and from the kernel, so the second one means nothing


class Server(uvicorn.Server):
    """uvicorn's server, which says when it is asked to stop, and ends without raising the signal again.

    Args:
        config: uvicorn's.
        on_stop: Called in the event loop as soon as a stop signal arrives.

    """

    def __init__(self, config: uvicorn.Config, *, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_stop = on_stop

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop taking work as soon as the signal arrives; uvicorn then waits for what is in flight."""
        name = signal.Signals(sig).name
        if self.should_exit:
            if not is_impatient(sig):
                return
            log(logging.WARNING, "ended at once by a second signal", signal=name)
            end_process(SIGNALLED + sig)
        log(logging.INFO, "stopping", signal=name)
        self._on_stop()
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle the stop signals while serving; a drained server ends with exit code 0, not by its signal."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {sig: signal.signal(sig, self.handle_exit) for sig in stop_signals()}
        try:
            yield
        finally:
            for sig, handler in before.items():
                signal.signal(sig, handler)


def serve(settings: Settings) -> None:
    """Serve until stopped.

    Raises:
        ConfigurationError: The port or the models folder cannot be used.
        ConvserveError: The service can never become ready.

    """
    tune_allocator()
    failures: list[ConvserveError] = []
    listener = bind(settings)
    with listener:
        app = create_app(settings, on_failure=lambda error: give_up(server, failures, error))
        log(logging.INFO, "listening", url=url_of(settings), documentation="/docs")
        server = Server(configuration(app, settings), on_stop=app.state.context.scheduler.drain)
        server.run(sockets=[listener])
    if failures:
        raise failures[0]
    if not ended_cleanly(app, settings):
        end_process(1)
    log(logging.INFO, "stopped")


def stop_signals() -> tuple[signal.Signals, ...]:
    """Name the signals that ask for an end; that of a terminal does not where `nohup` has switched it off."""
    ignored = signal.getsignal(_ENDED_TERMINAL) is signal.SIG_IGN
    return (signal.SIGTERM, signal.SIGINT) if ignored else (signal.SIGTERM, signal.SIGINT, _ENDED_TERMINAL)


def is_impatient(sig: int) -> bool:
    """Tell whether this signal, after one that asked for an end, asks for it at once."""
    return sig != _ENDED_TERMINAL


def end_process(code: int) -> NoReturn:
    """End without waiting for threads: one inside the runtime would abort an interpreter that shuts down."""
    logging.shutdown()
    os._exit(code)


def ended_cleanly(app: FastAPI, settings: Settings) -> bool:
    """Tell, and log, whether everything that was accepted had been answered when the server ended."""
    clean: bool = app.state.context.ended_cleanly
    if not clean:
        log(logging.ERROR, "stopped with work unfinished", drain_timeout_ms=settings.drain_timeout_ms)
    return clean


def give_up(server: uvicorn.Server, failures: list[ConvserveError], error: ConvserveError) -> None:
    """End a server that can never become ready, and keep the reason."""
    failures.append(error)
    server.should_exit = True


def configuration(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """Say how uvicorn runs the app."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=BoundedHttpProtocol,
        ws="none",  # where a library for it is installed, uvicorn would hand connections over and count them no more
        log_config=None,
        access_log=False,
        proxy_headers=False,  # nothing here depends on the caller's address
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, settings.drain_timeout_ms // 1000),
    )


def url_of(settings: Settings) -> str:
    """Say where the service listens."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"


def bind(settings: Settings) -> socket.socket:
    """Bind the port and listen on it.

    Raises:
        ConfigurationError: It cannot be used.

    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with ExitStack() as on_failure:
        try:
            # The protocol is named because asyncio switches Nagle's algorithm off only for sockets that name it.
            listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            on_failure.callback(listener.close)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((settings.host, settings.port))
            listener.listen(_BACKLOG)
        except (OSError, UnicodeError) as error:  # the latter from a name that cannot be one
            raise ConfigurationError(_bind_problem(settings, error)) from error
        on_failure.pop_all()
    listener.settimeout(0)
    return listener


def _bind_problem(settings: Settings, error: OSError | UnicodeError) -> str:
    place = url_of(settings).removeprefix("http://")
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        return f"Port {place} is in use; choose another with CONVSERVE_PORT=8123, or `make serve PORT=8123`."
    if number == errno.EACCES:
        return f"Port {place} needs more rights than this user has; choose one above 1023 with CONVSERVE_PORT."
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return f"Cannot listen on {place} ({reason}); set CONVSERVE_HOST and CONVSERVE_PORT."
