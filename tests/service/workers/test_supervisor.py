"""The supervisor kills what hangs and nothing else; the rest of its work is tested with real services, end to end."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from service.errors import ConfigurationError
from service.settings import Settings
from service.workers.board import Board
from service.workers.restarts import MOST_FAILURES
from service.workers.supervisor import Supervisor, _Worker
from tests.end_to_end.processes import ROOT

_SECOND_NS = 1_000_000_000


class Stage:
    """A supervisor with one worker process that does nothing, and a clock that is set by hand."""

    def __init__(self, listener: socket.socket) -> None:
        self.now_ns = 10**12
        self.supervisor = Supervisor(Settings(workers=2), listener=listener, workers=2, cores=2)
        self.board = self.supervisor._board = Board(2, clock_ns=lambda: self.now_ns)
        self.pid = os.fork()
        if self.pid == 0:
            signal.pause()
            os._exit(0)
        self.supervisor._running[self.pid] = _Worker(number=0, pid=self.pid, started_s=time.monotonic(), report=-1)

    def look_for(self, seconds: int) -> None:
        """Let time pass in which the supervisor looks once a second."""
        for _ in range(seconds):
            self.now_ns += _SECOND_NS
            self.supervisor._end_hanging()

    def was_killed(self) -> bool:
        """End the process, and tell whether somebody had before."""
        os.kill(self.pid, signal.SIGTERM)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]) == -signal.SIGKILL


@pytest.fixture
def stage() -> Iterator[Stage]:
    """Set the stage; each test ends the process."""
    with socket.socket() as listener:
        yield Stage(listener)


def test_a_worker_that_cannot_be_forked_is_tried_again_and_the_service_goes_on() -> None:
    """Memory may be short for a moment, which is when workers die; what serves goes on, and no file is lost."""

    def without_memory() -> int:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    with socket.socket() as listener:
        supervisor = Supervisor(Settings(workers=2), listener=listener, workers=2, cores=2, fork=without_memory)
        open_files = psutil.Process().num_fds()
        supervisor._start_due()
        assert psutil.Process().num_fds() == open_files
        assert supervisor._running == {}
        assert all(due_s > time.monotonic() - 1 for due_s in supervisor._due_s.values())
        assert supervisor._due_s.keys() == {0, 1}
        assert supervisor._board.least_of_others(0) is None  # nobody leaves it a share meanwhile


def test_without_any_process_for_a_worker_the_supervisor_gives_up() -> None:
    """A limit that never lets one start is said after some tries."""

    def without_processes() -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    with socket.socket() as listener:
        supervisor = Supervisor(Settings(workers=2), listener=listener, workers=2, cores=2, fork=without_processes)
        for number in [0, 1] * (MOST_FAILURES - 1) + [0]:
            supervisor._due_s = {number: 0.0}
            supervisor._start_due()
        supervisor._due_s = {1: 0.0}
        with pytest.raises(ConfigurationError, match="No worker came up"):
            supervisor._start_due()


def test_a_worker_that_was_not_seen_for_half_a_minute_is_killed(stage: Stage) -> None:
    """Its event loop stands still; a replacement serves."""
    stage.board.set_up(0)
    stage.look_for(60)
    stage.board.see(0)
    stage.look_for(31)
    assert stage.was_killed()


def test_a_worker_that_was_seen_of_late_is_left_alone(stage: Stage) -> None:
    """However long it has lived."""
    stage.board.set_up(0)
    stage.look_for(3600)
    stage.board.see(0)
    stage.look_for(30)
    assert not stage.was_killed()


def test_workers_that_were_paused_together_with_the_supervisor_are_left_alone(stage: Stage) -> None:
    """Nobody was seen because nobody ran; whoever still stands still half a minute later is killed."""
    stage.board.set_up(0)
    stage.board.see(0)
    stage.look_for(10)
    stage.now_ns += 3600 * _SECOND_NS
    stage.look_for(30)
    assert not stage.was_killed()


def test_a_worker_that_goes_on_standing_still_after_a_pause_of_all_is_killed(stage: Stage) -> None:
    """The pause excuses nobody for ever."""
    stage.board.set_up(0)
    stage.board.see(0)
    stage.look_for(10)
    stage.now_ns += 3600 * _SECOND_NS
    stage.look_for(32)
    assert stage.was_killed()


def test_a_worker_that_still_loads_its_models_is_left_alone(stage: Stage) -> None:
    """A large model on a slow disk takes its time."""
    stage.board.see(0)
    stage.look_for(3600)
    assert not stage.was_killed()


def test_a_worker_that_finishes_what_it_has_is_left_alone(stage: Stage) -> None:
    """For as long as the drain time is set to, within which it need not be seen."""
    stage.board.set_up(0)
    stage.board.see(0)
    stage.board.set_accepts(0, accepts=False)
    stage.look_for(3600)
    assert not stage.was_killed()


def test_a_worker_that_outlasts_the_drain_time_by_far_is_killed(stage: Stage) -> None:
    """The service ends although one of its processes does not."""
    stage.supervisor._stop_by_s = time.monotonic() - 1
    stage.supervisor._end_hanging()
    assert stage.was_killed()


def test_a_worker_that_was_ended_by_a_signal_without_a_name_is_replaced(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """Of the real-time signals only two have one."""
    report, writes = os.pipe()
    os.close(writes)
    stage.supervisor._due_s.clear()
    with caplog.at_level(logging.ERROR, logger="convserve"):
        stage.supervisor._note_end(_Worker(0, stage.pid, time.monotonic(), report), -40)
    assert list(stage.supervisor._due_s) == [0]
    assert caplog.records[0].__dict__["convserve_fields"]["signal"] == "40"
    assert not stage.was_killed()


@pytest.mark.parametrize(
    ("code", "ending"), [(0, "asked"), (1, "error"), (2, "error"), (-signal.SIGKILL, "signal"), (-11, "signal")]
)
def test_an_end_is_counted_by_its_kind(stage: Stage, code: int, ending: str) -> None:
    """Whoever looks at the metric sees what to look for in the log."""
    assert not stage.was_killed()
    assert stage.supervisor._ending(stage.pid, code) == ending


def test_a_worker_that_the_supervisor_killed_is_counted_as_hung(stage: Stage) -> None:
    """Once; another process that is given the same id later has nothing to do with it."""
    stage.board.set_up(0)
    stage.board.see(0)
    stage.look_for(60)
    assert stage.was_killed()
    assert stage.supervisor._ending(stage.pid, -signal.SIGKILL) == "hung"
    assert stage.supervisor._ending(stage.pid, -signal.SIGKILL) == "signal"


def test_the_supervisor_has_imported_what_a_worker_runs_on() -> None:
    """It is in memory once, a replacement is there at once, and what is not installed is missed before any fork."""
    needed = ("uvloop", "httptools", "uvicorn.lifespan.on", "onnxruntime", "PIL.Image", "service.app")
    code = f"import service.workers.supervisor, sys; print([name for name in {needed} if name not in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
