"""The parent of the workers: binds the port, starts them, replaces those that die, and ends with the last of them.

    SIGTERM, Ctrl-C or the end of its terminal ──▶ every worker told to stop ──▶ all have ended ──▶ exit 0
    SIGTERM or Ctrl-C again                    ──▶ every worker killed       ──▶ exit 128 + signal

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
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NoReturn

from service.app import warn_of_exposure
from service.company import Company
from service.engine.allocator import tune_allocator
from service.engine.cores import usable_cores
from service.errors import ConfigurationError
from service.fleet.membership import Fleet, Member
from service.security.rate_cells import SharedCells
from service.server import SIGNALLED, bind, end_process, is_impatient, serve, stop_signals, url_of
from service.settings import Settings
from service.telemetry.declaring import Declaring
from service.telemetry.logs import configure_logging, log
from service.telemetry.shared_page import Page
from service.telemetry.shared_series import SharedSeries
from service.telemetry.worker_metrics import Ending, WorkerMetrics
from service.workers.balance import Balance
from service.workers.board import Board
from service.workers.restarts import Restarts
from service.workers.share import count_workers, require_form, settings_of_worker
from service.workers.worker import EXIT_CLEAN, EXIT_UNFINISHED, Post, run_worker

_LOOK_S: Final = 1.0  # how often the supervisor wakes without being woken
_HANGS_S: Final = 30.0  # a worker whose event loop has stood still for so long is replaced
_PAUSED_S: Final = 5.0  # the supervisor does next to nothing: if it did not run for so long, nobody did
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
    require_form(settings, workers=workers, cores=cores)
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
        fork: As `os.fork`.

    """

    def __init__(
        self,
        settings: Settings,
        *,
        listener: socket.socket,
        workers: int,
        cores: int,
        fork: Callable[[], int] = os.fork,
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._cores = cores
        self._fork = fork
        self._board = Board(workers)
        self._pages = [Page() for _ in range(workers + 1)]  # the last is the supervisor's own
        series = SharedSeries(self._pages, number=workers)
        self._restarted = WorkerMetrics(Declaring(series.registry, shared=series)).restarts
        self._hung: set[int] = set()
        self._restarts = Restarts(workers)
        self._fleet = Fleet(workers)
        self._rate_cells = SharedCells()
        self._running: dict[int, _Worker] = {}
        self._stop_signals = stop_signals()
        self._due_s = dict.fromkeys(range(workers), 0.0)  # when a worker that does not run is to be started
        self._lifeline = os.pipe()
        self._looked_ns = self._awake_since_ns = 0
        self._stop_by_s: float | None = None
        self._all_clean = True

    def run(self) -> int:
        """Start the workers and stay until all of them have ended.

        Raises:
            ConfigurationError: No worker comes up, or a worker says why none can.

        """
        # Whoever started this program may have left it set to be ignored; then nobody would be told of a worker's end.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        awaited = (signal.SIGCHLD, *self._stop_signals)
        signal.pthread_sigmask(signal.SIG_BLOCK, awaited)  # they are waited for instead
        gc.collect()
        gc.freeze()  # what was imported is never looked at again, so its pages stay shared
        while self._running or self._stop_by_s is None:
            self._start_due()
            received = signal.sigtimedwait(awaited, self._wait_s())
            if received is not None and received.si_signo in self._stop_signals:
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
        if not self._board.any_up():
            for number in due:
                self._board.expect(number)
        for number in due:
            del self._due_s[number]
            try:
                self._start(number)
            except OSError as error:  # no memory, no process or no file is left for it now
                log(logging.ERROR, "cannot start a worker", worker=number, reason=str(error))
                self._board.clear(number)
                self._start_again(number, lived_s=0.0, came_up=False, meant_to=False)

    def _start(self, number: int) -> None:
        report, writes = os.pipe()
        try:
            pid = self._fork()
        except OSError:
            os.close(report)
            os.close(writes)
            raise
        if pid == 0:
            os.close(report)
            self._become_worker(number, report=writes)
        os.close(writes)
        self._running[pid] = _Worker(number, pid, time.monotonic(), report)
        log(logging.INFO, "worker started", worker=number, pid=pid)

    def _become_worker(self, number: int, *, report: int) -> NoReturn:
        """Run as a worker in a new process, and never come back into the supervisor's code."""
        code = EXIT_UNFINISHED
        try:
            os.close(self._lifeline[1])
            for other in self._running.values():
                os.close(other.report)
            configure_logging(self._settings.log_level, worker=number)
            workers = self._board.workers
            series = SharedSeries(self._pages, number=number)
            post = Post(
                settings=settings_of_worker(self._settings, number=number, workers=workers, cores=self._cores),
                listener=self._listener,
                balance=Balance(self._board, number=number),
                series=series,
                company=Company(series, Member(self._fleet, number=number), self._rate_cells),
                lifeline=self._lifeline[0],
                report=report,
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
        self._fleet.leave(worker.number)
        reason = _read_report(worker.report)
        wanted = code == EXIT_CLEAN
        ended_by = _name(-code) if code < 0 else None
        level = logging.INFO if wanted else logging.ERROR
        log(level, "worker ended", worker=worker.number, pid=worker.pid, code=code, signal=ended_by, reason=reason)
        if self._stop_by_s is not None:
            self._all_clean = self._all_clean and wanted
            return
        self._restarted[self._ending(worker.pid, code)].inc()
        lived_s = time.monotonic() - worker.started_s
        self._start_again(worker.number, lived_s=lived_s, came_up=came_up, meant_to=wanted, reason=reason)

    def _ending(self, pid: int, code: int) -> Ending:
        if pid in self._hung:
            self._hung.remove(pid)
            return "hung"
        return "asked" if code == EXIT_CLEAN else "signal" if code < 0 else "error"

    def _start_again(
        self, number: int, *, lived_s: float, came_up: bool, meant_to: bool, reason: str | None = None
    ) -> None:
        """Say when a worker that does not run is to be started, or end where there is no use in it."""
        pause_s = self._restarts.pause_s(number, lived_s=lived_s, came_up=came_up, meant_to=meant_to)
        if not self._board.any_up():
            self._give_up_where_hopeless(reason)
        self._due_s[number] = time.monotonic() + pause_s

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
            if not is_impatient(sig):
                return
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
        awake_s = self._awake_s()
        late = self._stop_by_s is not None and time.monotonic() > self._stop_by_s
        for worker in self._running.values():
            unseen_s = min(awake_s, self._board.unseen_s(worker.number))
            hangs = self._board.is_up(worker.number) and unseen_s > _HANGS_S
            if late or hangs:
                reason = "its event loop stands still" if hangs else "it outlasts the drain time"
                log(logging.ERROR, "worker killed", worker=worker.number, pid=worker.pid, reason=reason)
                os.kill(worker.pid, signal.SIGKILL)
                self._hung.add(worker.pid)

    def _awake_s(self) -> float:
        """Tell for how long all processes have had a chance to run.

        A container may be paused, a terminal's job stopped, and the clock goes on: workers that were not seen for an
        hour may have done nothing wrong.
        """
        now_ns = self._board.clock_ns()
        if now_ns - self._looked_ns > _PAUSED_S * 1e9:
            self._awake_since_ns = now_ns
        self._looked_ns = now_ns
        return (now_ns - self._awake_since_ns) / 1e9

    def _kill_all(self) -> None:
        for pid in self._running:
            os.kill(pid, signal.SIGKILL)
        for pid in self._running:
            os.waitpid(pid, 0)


def _name(sig: int) -> str:
    """Name a signal; most of the real-time ones have no name."""
    try:
        return signal.Signals(sig).name
    except ValueError:
        return str(sig)


def _read_report(report: int) -> str | None:
    """Read why a worker that has ended could not serve; None where it said nothing."""
    with os.fdopen(report, "rb") as pipe:
        return pipe.read().decode(errors="replace") or None
