"""The allocator is told once that threads share one arena; where it cannot be told, nothing happens."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from service.engine.allocator import tune_allocator

# Four threads allocate at the same time, and the C library writes down how many arenas it has made for them.
COUNT_ARENAS = """
import ctypes, sys, threading
from service.engine.allocator import tune_allocator
if sys.argv[1] == "tuned":
    assert tune_allocator()
together = threading.Barrier(4)
def allocate():
    blocks = [bytearray(100_000) for _ in range(20)]
    together.wait()
    return blocks
threads = [threading.Thread(target=allocate) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = libc.fopen(sys.argv[2].encode(), b"w")
libc.malloc_info(0, ctypes.c_void_p(file))
libc.fclose(ctypes.c_void_p(file))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="these are options of glibc")
@pytest.mark.parametrize(("how", "one_arena"), [("plain", False), ("tuned", True)])
def test_threads_share_one_arena_once_the_allocator_is_told(tmp_path: Path, how: str, one_arena: bool) -> None:
    """In a process of its own: without the call each thread gets an arena, with it all use the first."""
    report = tmp_path / "malloc.xml"
    subprocess.run([sys.executable, "-c", COUNT_ARENAS, how, str(report)], check=True)
    assert (report.read_text().count("<heap nr=") == 1) == one_arena


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="these are options of glibc")
def test_glibc_takes_all_options() -> None:
    """None of them is refused."""
    assert tune_allocator()


def test_another_c_library_is_left_as_it_is() -> None:
    """A process without these options serves all the same."""
    assert not tune_allocator("no-such-library.so")
