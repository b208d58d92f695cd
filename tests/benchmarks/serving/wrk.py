"""Closed-loop load by `wrk`: so many clients that each send the next picture as soon as the last answer is there.

The pictures are sent in turn by a small script in wrk's Lua; bodies are built once, before the load begins.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.benchmarks.serving.errors import BenchmarkError

_SCRIPT: Final = Path(__file__).with_name("send.lua")
_PATIENCE_S: Final = 20


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk counted.

    Args:
        rate_per_s: Answers with a status below 400, per second.
        refused_per_s: Answers with another status, per second.
        failed: Connections that broke, and answers that took longer than 20 s.
        p50_ms: Of all answers.
        p99_ms: Of all answers.

    """

    rate_per_s: float
    refused_per_s: float
    failed: int
    p50_ms: float
    p99_ms: float

    @classmethod
    def of(cls, counted: Mapping[str, float]) -> Load:
        """Read what the script wrote."""
        seconds = counted["duration_us"] / 1e6
        return cls(
            rate_per_s=(counted["requests"] - counted["status_errors"]) / seconds,
            refused_per_s=counted["status_errors"] / seconds,
            failed=int(counted["socket_errors"] + counted["timeouts"]),
            p50_ms=counted["p50_us"] / 1000,
            p99_ms=counted["p99_us"] / 1000,
        )


def require_wrk() -> None:
    """Make sure that wrk is there.

    Raises:
        BenchmarkError: It is not.

    """
    if shutil.which("wrk") is None:
        raise BenchmarkError("The load comes from wrk, which is not installed: `apt-get install wrk`.")


def command(url: str, *, clients: int, seconds: float, content_type: str, bodies: Sequence[Path]) -> list[str]:
    """Give the command line.

    Args:
        url: Where to send.
        clients: Connections.
        seconds: How long; wrk takes whole seconds, at least 1.
        content_type: Of the bodies.
        bodies: Files, sent in turn.

    """
    return [
        "wrk",
        "--threads=1",
        f"--connections={clients}",
        f"--duration={max(1, round(seconds))}s",
        f"--timeout={_PATIENCE_S}s",
        f"--script={_SCRIPT}",
        url,
        "--",
        content_type,
        *map(str, bodies),
    ]


@contextmanager
def sending(
    url: str, *, clients: int, seconds: float, content_type: str, bodies: Sequence[Path]
) -> Iterator[subprocess.Popen[str]]:
    """Send pictures meanwhile; what still runs at the end of this context, because of an error, is ended."""
    line = command(url, clients=clients, seconds=seconds, content_type=content_type, bodies=bodies)
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()  # does nothing to a process that has ended


def finished(process: subprocess.Popen[str]) -> Load:
    """Wait for the end of a load.

    Raises:
        BenchmarkError: wrk failed, or not a single answer came.

    """
    output, _ = process.communicate()
    lines = output.strip().splitlines()
    if process.returncode != 0 or not lines or not lines[-1].startswith("{"):
        raise BenchmarkError(f"wrk failed: {lines[-1] if lines else process.returncode}")
    counted = json.loads(lines[-1])
    if not counted["requests"]:
        raise BenchmarkError(f"not a single answer came: {lines[-1]}")
    return Load.of(counted)
