"""Programs of the benchmark that run in a process of their own, because nothing else may share their memory."""

from __future__ import annotations

import subprocess
import sys

from tests.benchmarks.serving.errors import BenchmarkError
from tests.end_to_end.processes import ROOT


def output_of(program: str, *arguments: str) -> str:
    """Run a program of this folder to its end.

    Args:
        program: Name of its module.
        arguments: Of its command line.

    Returns:
        What it printed.

    Raises:
        BenchmarkError: It failed; the text has the last line of its complaint.

    """
    command = [sys.executable, "-m", f"{__package__}.{program}", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or [f"it ended with code {done.returncode}"])[-1]
        raise BenchmarkError(f"{program} failed: {reason}")
    return done.stdout
