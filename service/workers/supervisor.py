"""The parent of the workers: binds the port, starts them, replaces those that die, and ends with the last of them.

    SIGTERM or Ctrl-C ──▶ every worker told to stop ──▶ all have ended ──▶ exit 0
    the same again    ──▶ every worker killed       ──▶ exit 128 + signal

It imports all that a worker needs, starts no thread and loads no model, and forks: what was imported is in memory once,
and a replacement is there in an instant. It handles no request.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NoReturn

from service.app import warn_of_exposure
from service.engine.allocator import tune_allocator
from service.engine.cores import usable_cores
from service.errors import ConfigurationError
from service.security.rate_cells import SharedCells
from service.server import SIGNALLED, STOP_SIGNALS, bind, end_process, serve, url_of
from service.settings import Settings
from service.telemetry.logs import configure_logging, log
from service.telemetry.shared_page import Page
from service.telemetry.shared_series import SharedSeries
from service.workers.balance import Balance
from service.workers.board import Board
from service.workers.restarts import Restarts
from service.workers.share import count_workers, settings_of_worker
from service.workers.worker import EXIT_CLEAN, EXIT_UNFINISHED, Post, run_worker

_AWAITED: Final = (signal.SIGCHLD, *STOP_SIGNALS)
_LOOK_S: Final = 1.0  # how often the supervisor wakes without being woken
_HANGS_S: Final = 30.0  # a worker whose event loop has stood still for so long is replaced
_PATIENCE_S: Final = 5.0  # beyond the drain time, after which workers end on their own


@dataclass(frozen=True, slots=True)
class _Worker:
    """A process that runs: its number, its id, when it was started, and where it says why it cannot serve."""

    number: int
    pid: int
    started_s: float
    report: int


def supervise(settings: Settings) -> int:
    """Serve with several workers until stopped.

    Returns:
        Exit code: 0 when everything that was accepted has been answered.

    Raises:
        ConfigurationError: The port or the models folder cannot be used, or no worker comes up.

    """
    cores = usable_cores()
    workers = count_workers(settings, cores=cores)
    if workers == 1:
        serve(settings)
        return EXIT_CLEAN
    tune_allocator()
    with bind(settings) as listener:
        log(logging.INFO, "listening", url=url_of(settings), documentation="/docs", workers=workers)
        warn_of_exposure(settings)
        return Supervisor(settings, listener=listener, workers=workers, cores=cores).run()


class Supervisor:
    """Starts workers and waits for them.

    Args:
        settings: Of the service as a whole.
        listener: Bound; each worker accepts from it.
        workers: How many.
        cores: What they share.

    """

    def __init__(self, settings: Settings, *, listener: socket.socket, workers: int, cores: int) -> None:
        self._settings = settings
        self._listener = listener
        self._cores = cores
        self._board = Board(workers)
        self._pages = [Page() for _ in range(workers)]
        self._rate_cells = SharedCells()
        self._restarts = Restarts()
        self._running: dict[int, _Worker] = {}
        self._due_s = dict.fromkeys(range(workers), 0.0)  # when a worker that does not run is to be started
        self._lifeline = os.pipe()
        self._stop_by_s: float | None = None
        self._all_clean = True

    def run(self) -> int:
        """Start the workers and stay until all of them have ended.

        Raises:
            ConfigurationError: No worker comes up, or a worker says why none can.

        """
        signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)  # they are waited for instead
        gc.collect()
        gc.freeze()  # what was imported is never looked at again, so its pages stay shared
        while self._running or self._stop_by_s is None:
            self._start_due()
            received = signal.sigtimedwait(_AWAITED, self._wait_s())
            if received is not None and received.si_signo in STOP_SIGNALS:
                self._stop(signal.Signals(received.si_signo))
            self._reap()
            self._end_hanging()
        log(logging.INFO if self._all_clean else logging.ERROR, "stopped", clean=self._all_clean)
        return EXIT_CLEAN if self._all_clean else EXIT_UNFINISHED

    def _wait_s(self) -> float:
        now_s = time.monotonic()
        return max(0.0, min([_LOOK_S, *(due_s - now_s for due_s in self._due_s.values())]))

    def _start_due(self) -> None:
        due = [number for number, due_s in self._due_s.items() if due_s <= time.monotonic()]
        accepts_at_once = not self._board.any_up()
        if accepts_at_once:
            for number in due:
                self._board.expect(number)
        for number in due:
            del self._due_s[number]
            self._start(number, accepts_at_once=accepts_at_once)

    def _start(self, number: int, *, accepts_at_once: bool) -> None:
        report, writes = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(report)
            self._become_worker(number, report=writes, accepts_at_once=accepts_at_once)
        os.close(writes)
        self._running[pid] = _Worker(number, pid, time.monotonic(), report)
        log(logging.INFO, "worker started", worker=number, pid=pid)

    def _become_worker(self, number: int, *, report: int, accepts_at_once: bool) -> NoReturn:
        """Run as a worker in a new process, and never come back into the supervisor's code."""
        code = EXIT_UNFINISHED
        try:
            os.close(self._lifeline[1])
            for other in self._running.values():
                os.close(other.report)
            configure_logging(self._settings.log_level, worker=number)
            workers = len(self._pages)
            post = Post(
                settings=settings_of_worker(self._settings, number=number, workers=workers, cores=self._cores),
                listener=self._listener,
                balance=Balance(self._board, number=number),
                series=SharedSeries(self._pages, number=number),
                rate_cells=self._rate_cells,
                lifeline=self._lifeline[0],
                report=report,
                accepts_at_once=accepts_at_once,
            )
            code = run_worker(post)
        except BaseException as error:  # noqa: BLE001  whatever it is, it must not reach the supervisor's loop
            log(logging.CRITICAL, "worker failed", error=error)
        end_process(code)

    def _reap(self) -> None:
        """Take note of every worker that has ended."""
        with suppress(ChildProcessError):  # there is none at all
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                worker = self._running.pop(ended[0], None)
                if worker is not None:
                    self._note_end(worker, os.waitstatus_to_exitcode(ended[1]))

    def _note_end(self, worker: _Worker, code: int) -> None:
        came_up = self._board.is_up(worker.number)
        self._board.clear(worker.number)
        self._pages[worker.number].end()
        reason = _read_report(worker.report)
        wanted = code == EXIT_CLEAN
        ended_by = signal.Signals(-code).name if code < 0 else None
        level = logging.INFO if wanted else logging.ERROR
        log(level, "worker ended", worker=worker.number, pid=worker.pid, code=code, signal=ended_by, reason=reason)
        if self._stop_by_s is not None:
            self._all_clean = self._all_clean and wanted
            return
        lived_s = time.monotonic() - worker.started_s
        pause_s = self._restarts.pause_s(worker.number, lived_s=lived_s, came_up=came_up, meant_to=wanted)
        if not self._board.any_up():
            self._give_up_where_hopeless(reason)
        self._due_s[worker.number] = time.monotonic() + pause_s

    def _give_up_where_hopeless(self, reason: str | None) -> None:
        """End where no worker serves, and none will.

        Raises:
            ConfigurationError: With the reason that a worker gave, or else what is known.

        """
        if reason is None and not self._restarts.is_hopeless():
            return
        self._kill_all()
        raise ConfigurationError(
            reason or "No worker came up, however often it was started; the log says how each of them ended."
        )

    def _stop(self, sig: signal.Signals) -> None:
        if self._stop_by_s is not None:
            log(logging.WARNING, "ended at once by a second signal", signal=sig.name)
            self._kill_all()
            end_process(SIGNALLED + sig)
        log(logging.INFO, "stopping", signal=sig.name)
        self._stop_by_s = time.monotonic() + self._settings.drain_timeout_ms / 1000 + _PATIENCE_S
        self._due_s.clear()
        self._listener.close()
        for pid in self._running:
            os.kill(pid, signal.SIGTERM)

    def _end_hanging(self) -> None:
        """Kill what does not live any more although it has not ended."""
        late = self._stop_by_s is not None and time.monotonic() > self._stop_by_s
        for worker in self._running.values():
            hangs = self._board.is_up(worker.number) and self._board.unseen_s(worker.number) > _HANGS_S
            if late or hangs:
                log(logging.ERROR, "worker hangs", worker=worker.number, pid=worker.pid)
                os.kill(worker.pid, signal.SIGKILL)

    def _kill_all(self) -> None:
        for pid in self._running:
            os.kill(pid, signal.SIGKILL)
        for pid in self._running:
            os.waitpid(pid, 0)


def _read_report(report: int) -> str | None:
    """Read why a worker that has ended could not serve; None where it said nothing."""
    with os.fdopen(report, "rb") as pipe:
        return pipe.read().decode(errors="replace") or None
