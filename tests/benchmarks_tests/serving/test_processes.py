"""`tests.benchmarks.serving.processes`: memory and the end of real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.benchmarks.serving.processes import Memory, memory_of, stop, total_memory, tree_of

# Starts a child, says so, and waits as the child does for its input to end.
_PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"])
print(child.pid, flush=True)
sys.stdin.read()
"""


def test_memory_of_two_processes_adds_up() -> None:
    """Two texts as the kernel writes them, by hand."""
    text = "55e0-7ffc ---p 00000000 00:00 0 [rollup]\nRss:  {} kB\nPss:  {} kB\nPss_Dirty: 99 kB\n"
    assert total_memory([text.format(2048, 1024), text.format(1024, 512)]) == Memory(3.0, 1.5)


def test_process_without_memory_counts_nothing() -> None:
    """One that has just ended gives an empty text."""
    assert total_memory([""]) == Memory(0.0, 0.0)


@pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").exists(), reason="the kernel does not tell memory in proportion"
)
def test_own_memory_is_read_from_the_kernel() -> None:
    """This process holds megabytes, and shares some of them."""
    memory = memory_of([psutil.Process(os.getpid())])
    assert memory.resident >= memory.proportional > 1


def test_everything_that_a_server_started_is_ended() -> None:
    """A child outlives no server."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        child = int(process.stdout.readline())
        assert {one.pid for one in tree_of(process)} == {process.pid, child}
        stop(process, patience_s=0.1)
    assert process.returncode is not None
    assert not psutil.pid_exists(child)
    assert tree_of(process) == []


def test_children_of_a_server_that_crashed_are_ended_too() -> None:
    """Workers whose parent is gone belong to nobody, and would go on to take what is measured next."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    child = int(process.stdout.readline())
    assert psutil.Process(child).is_running()
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    with process.stdin, process.stdout:
        stop(process)
        assert not _runs(child)


def _runs(pid: int) -> bool:
    """Say whether a process does anything; one that ended stays known until somebody asks for its code."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
