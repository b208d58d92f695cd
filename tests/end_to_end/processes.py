"""Real service processes for tests: `python -m service` on a free port, watched from outside."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE_S = 60.0  # for a machine that does much else at the same time
_POLL_S = 0.01


def free_port() -> int:
    """Ask the kernel for a port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(**settings: object) -> dict[str, str]:
    """Make an environment with these settings, and none of the caller's own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CONVSERVE_")}
    return {**kept, **{f"CONVSERVE_{name.upper()}": str(value) for name, value in settings.items()}}


def run_service(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """Run a command of the service to its end."""
    return subprocess.run(
        [sys.executable, "-m", "service", *arguments],
        cwd=ROOT,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )


@dataclass(slots=True)
class Service:
    """A running service.

    Args:
        process: Its process.
        url: Where it listens.
        log_path: Its standard error.
        ready_s: Seconds from its start until it was ready.

    """

    process: subprocess.Popen[bytes]
    url: str
    log_path: Path
    ready_s: float

    def stop(self, sig: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(sig)
        return self.process.wait(_PATIENCE_S)

    def log_lines(self) -> list[dict[str, object]]:
        """Read the log; every line must be JSON."""
        return [json.loads(line) for line in self.log_path.read_text(encoding="utf-8").splitlines()]


@contextmanager
def running_service(folder: Path, **settings: object) -> Iterator[Service]:
    """Start a service and wait until it is ready; it is killed if the test leaves it running.

    Args:
        folder: For its log.
        settings: As environment variables without the prefix, in lower case.

    """
    port = free_port()
    log_path = folder / f"service-{port}.log"
    with log_path.open("wb") as log:
        started = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "service"], cwd=ROOT, env=environment(port=port, **settings), stderr=log
        )
    try:
        url = f"http://{settings.get('host', '127.0.0.1')}:{port}"
        _wait_until_ready(url, process, log_path)
        yield Service(process, url, log_path, time.monotonic() - started)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log_path: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if httpx.get(f"{url}/readyz", timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(_POLL_S)  # the process has not bound its port yet: nothing tells when it does
    raise AssertionError(f"the service did not become ready:\n{log_path.read_text(encoding='utf-8')}")
