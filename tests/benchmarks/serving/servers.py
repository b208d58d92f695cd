"""Starts a server, waits for its first right answer, and ends it; ours and rivals alike."""

from __future__ import annotations

import contextlib
import http.client
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.benchmarks.serving.errors import BenchmarkError
from tests.benchmarks.serving.processes import stop
from tests.end_to_end.processes import free_port

HOST: Final = "127.0.0.1"
_START_PATIENCE_S: Final = 120.0
_ANSWER_PATIENCE_S: Final = 60.0
_POLL_S: Final = 0.005
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Request:
    """What a load sends.

    Args:
        path: With its query.
        content_type: Of the bodies.
        bodies: Files that hold them, sent in turn.

    """

    path: str
    content_type: str
    bodies: Sequence[Path]


@dataclass(frozen=True, slots=True)
class Server:
    """How to start a server and how to ask it.

    Args:
        name: `convserve`, or a rival's.
        form: How it is set up, in words.
        command: Command line; `{port}` stands for the port.
        environment: Variables beside the usual ones; `{port}` as above.
        request: What it is sent.
        live_path: Where it says that it lives.
        ready_path: Answers 200 once pictures are answered; empty where only a picture tells.

    """

    name: str
    form: str
    command: Sequence[str]
    request: Request
    live_path: str
    ready_path: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers.

    Args:
        server: How it was started.
        process: Its first process.
        port: Where it listens.
        start_s: Seconds from its start to the first right answer.
        answer: The body of that answer.

    """

    server: Server
    process: subprocess.Popen[bytes]
    port: int
    start_s: float
    answer: bytes

    @property
    def url(self) -> str:
        """Where pictures are sent."""
        return f"http://{HOST}:{self.port}{self.server.request.path}"


@contextmanager
def running(server: Server, *, log_path: Path) -> Iterator[Running]:
    """Start a server, and end it with everything that it started.

    Args:
        server: Which.
        log_path: What it prints goes here, and replaces what an earlier one printed.

    Raises:
        BenchmarkError: It ended, or gave no right answer in time; the text has its last line.

    """
    port = free_port()
    command = [part.format(port=port) for part in server.command]
    environment = {name: value.format(port=port) for name, value in server.environment.items()}
    with log_path.open("wb") as log:
        started_s = time.monotonic()
        process = subprocess.Popen(
            command,
            env={**_usual_environment(), **environment},
            cwd=log_path.parent,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        answer = _first_answer(server, process, port, log_path)
        yield Running(server, process, port, time.monotonic() - started_s, answer)
    finally:
        stop(process)


def _usual_environment() -> dict[str, str]:
    """Take the caller's environment without what would change a server: this project's settings, Python's paths."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("CONVSERVE_", "PYTHON"))}


def _first_answer(server: Server, process: subprocess.Popen[bytes], port: int, log_path: Path) -> bytes:
    ends_s = time.monotonic() + _START_PATIENCE_S
    picture = server.request.bodies[0].read_bytes()
    ready = not server.ready_path
    while time.monotonic() < ends_s and process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):  # it does not listen yet
            if not ready:
                ready = _asked(port, "GET", server.ready_path)[0] == _OK
            if ready:
                status, answer = _asked(port, "POST", server.request.path, picture, server.request.content_type)
                if status == _OK:
                    return answer
        time.sleep(_POLL_S)
    ended = "gave no right answer in time" if process.poll() is None else f"ended with code {process.returncode}"
    raise BenchmarkError(f"it {ended} instead of starting; {_last_line(log_path)}")


def _asked(port: int, method: str, path: str, body: bytes = b"", content_type: str = "") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(HOST, port, timeout=_ANSWER_PATIENCE_S)
    try:
        connection.request(method, path, body or None, {"Content-Type": content_type} if content_type else {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _last_line(log_path: Path) -> str:
    lines = log_path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return f"its last line: {lines[-1]}" if lines else "it printed nothing"
