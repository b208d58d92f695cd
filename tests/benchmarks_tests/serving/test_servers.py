"""`tests.benchmarks.serving.servers`: real processes that start, answer, and end."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest

from tests.benchmarks.serving.errors import BenchmarkError
from tests.benchmarks.serving.servers import Request, Server, running

# Answers 503 to the first picture and echoes every later one.
_PROGRAM = """
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    asked = 0

    def do_POST(self):
        Handler.asked += 1
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200 if Handler.asked > 1 else 503)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def server(folder: Path, program: str) -> Server:
    """Say how a program is started."""
    picture = folder / "0.png"
    picture.write_bytes(b"a picture")
    return Server(
        name="Echo",
        form="one form",
        command=[sys.executable, "-c", program],
        environment={"PORT": "{port}"},
        request=Request("/predict", "image/png", [picture]),
        live_path="/livez",
    )


def test_server_is_there_with_its_first_right_answer_and_gone_afterwards(tmp_path: Path) -> None:
    """A refusal is asked again; nothing of the server is left."""
    with running(server(tmp_path, _PROGRAM), log_path=tmp_path / "echo.log") as started:
        assert started.answer == b"a picture"
        assert started.start_s > 0
        assert started.url == f"http://127.0.0.1:{started.port}/predict"
        assert psutil.pid_exists(started.process.pid)
    assert started.process.returncode is not None
    assert not psutil.pid_exists(started.process.pid)


def test_server_that_ends_says_why(tmp_path: Path) -> None:
    """The reason is the last thing that it printed."""
    broken = server(tmp_path, "import sys; sys.exit('no such module')")
    with (
        pytest.raises(BenchmarkError, match=r"it ended with code 1 instead of starting; .*no such module"),
        running(broken, log_path=tmp_path / "echo.log"),
    ):
        pytest.fail("it never ran")


def test_settings_of_the_caller_do_not_reach_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is measured is what the benchmark says, whatever the shell has set."""
    monkeypatch.setenv("CONVSERVE_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    program = "import os, sys; sys.exit(' '.join(sorted(os.environ)))"
    with (
        pytest.raises(BenchmarkError) as raised,
        running(server(tmp_path, program), log_path=tmp_path / "echo.log"),
    ):
        pytest.fail("it never ran")
    assert "PORT" in str(raised.value)
    assert "CONVSERVE_THREADS" not in str(raised.value)
    assert "PYTHONPATH" not in str(raised.value)


def test_log_of_an_earlier_server_is_replaced(tmp_path: Path) -> None:
    """A run's log tells of that run."""
    log_path = tmp_path / "echo.log"
    log_path.write_text("of an earlier run", encoding="utf-8")
    with pytest.raises(BenchmarkError), running(server(tmp_path, "raise SystemExit('new')"), log_path=log_path):
        pytest.fail("it never ran")
    assert log_path.read_text(encoding="utf-8").strip() == "new"
