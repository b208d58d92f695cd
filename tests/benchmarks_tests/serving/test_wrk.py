"""`tests.benchmarks.serving.wrk`: its command line, and what its figures mean."""

from __future__ import annotations

import shutil
import signal
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.benchmarks.serving import wrk
from tests.benchmarks.serving.wrk import Load, command

COUNTED = {
    "requests": 100,
    "duration_us": 2_000_000,
    "status_errors": 20,
    "socket_errors": 1,
    "timeouts": 2,
    "p50_us": 1500,
    "p99_us": 9000,
}


def test_refusals_are_no_part_of_the_rate() -> None:
    """Of a hundred answers in two seconds twenty were refusals."""
    assert Load.of(COUNTED) == Load(rate_per_s=40.0, refused_per_s=10.0, failed=3, p50_ms=1.5, p99_ms=9.0)


def test_bodies_follow_the_type_behind_the_address() -> None:
    """The script takes what stands behind the two dashes."""
    line = command("http://a/predict", clients=8, seconds=0.2, content_type="image/png", bodies=[Path("a"), Path("b")])
    assert line[line.index("--") :] == ["--", "image/png", "a", "b"]
    assert "--connections=8" in line
    assert "--duration=1s" in line  # it takes whole seconds


class Handler(BaseHTTPRequestHandler):
    """Keeps bodies, and refuses every second request."""

    protocol_version = "HTTP/1.1"
    bodies: list[tuple[str, bytes]]
    paths: set[str]

    def do_POST(self) -> None:
        """Answer."""
        data = self.rfile.read(int(self.headers["content-length"]))
        self.paths.add(self.path)
        self.bodies.append((self.headers["content-type"], data))
        self.send_response(200 if len(self.bodies) % 2 else 503)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """A server on a thread."""
    Handler.bodies, Handler.paths = [], set()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_real_wrk_sends_the_files_in_turn(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    """Bodies arrive whole, one after the other, with the query, and both kinds of answers are counted."""
    files = [tmp_path / "0.png", tmp_path / "1.png"]
    for number, file in enumerate(files):
        file.write_bytes(bytes(range(256)) * 100 + bytes([number]))
    url = f"http://127.0.0.1:{server.server_address[1]}/predict?decode=exact"
    with wrk.sending(url, clients=1, seconds=1, content_type="image/png", bodies=files) as process:
        found = wrk.finished(process)
    contents = [("image/png", file.read_bytes()) for file in files]
    assert Handler.bodies[0] in contents
    assert all(one in contents for one in Handler.bodies)
    assert found.rate_per_s > 0
    assert Handler.paths == {"/predict?decode=exact"}


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_load_ends_with_what_went_wrong_beside_it(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    """Whoever interrupts the benchmark leaves nobody behind who sends pictures for a minute more."""
    file = tmp_path / "0.png"
    file.write_bytes(b"a picture")
    url = f"http://127.0.0.1:{server.server_address[1]}/predict"
    with (
        pytest.raises(KeyboardInterrupt),
        wrk.sending(url, clients=1, seconds=60, content_type="image/png", bodies=[file]) as process,
    ):
        raise KeyboardInterrupt
    assert process.returncode == -signal.SIGKILL
