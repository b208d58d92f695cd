"""A server's processes as the kernel sees them: memory, work, rest, and their end."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

_POLL_S: Final = 0.1
_RESTING_SHARE: Final = 0.1  # of one core; a server that polls takes about 0.02
_RESTING_POLLS: Final = 3
_STOP_PATIENCE_S: Final = 10.0
_KIB_PER_MIB: Final = 1024
_ROLLUP: Final = re.compile(r"^(Rss|Pss):\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of some processes together, in MiB.

    Args:
        resident: Each page counted by every process that maps it.
        proportional: Pages that several processes map are shared out among them.

    """

    resident: float
    proportional: float


def tree_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """List a process and all that it started, as far as they live."""
    try:
        root = psutil.Process(process.pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def memory_of(processes: Iterable[psutil.Process]) -> Memory:
    """Add up the memory of processes."""
    texts = []
    for process in processes:
        with contextlib.suppress(OSError):  # it ended meanwhile
            texts.append(Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii"))
    return total_memory(texts)


def total_memory(texts: Iterable[str]) -> Memory:
    """Add up what the kernel writes into `smaps_rollup`, one text per process."""
    found = [dict(_ROLLUP.findall(text)) for text in texts]
    kib = {name: sum(int(fields.get(name, 0)) for fields in found) for name in ("Rss", "Pss")}
    return Memory(resident=kib["Rss"] / _KIB_PER_MIB, proportional=kib["Pss"] / _KIB_PER_MIB)


def wait_for_rest(process: subprocess.Popen[bytes], *, patience_s: float) -> bool:
    """Wait until a server has worked off what an earlier load left, and measures or tunes nothing any more.

    Args:
        process: Its first process.
        patience_s: Longest wait, in seconds.

    Returns:
        Whether it rests.

    """
    ends_s = time.monotonic() + patience_s
    before_s, polled_s, quiet = _work_s(process), time.monotonic(), 0
    while quiet < _RESTING_POLLS and time.monotonic() < ends_s:
        time.sleep(_POLL_S)
        now_s, work_s = time.monotonic(), _work_s(process)
        quiet = quiet + 1 if work_s - before_s <= _RESTING_SHARE * (now_s - polled_s) else 0
        before_s, polled_s = work_s, now_s
    return quiet >= _RESTING_POLLS


def stop(process: subprocess.Popen[bytes], *, patience_s: float = _STOP_PATIENCE_S) -> None:
    """End a server and everything that it started, gently first; at once where this wait is interrupted.

    Args:
        process: Its first process, the leader of a session of its own: what it started is known by that even where it
            ended before.
        patience_s: Longest wait for a gentle end, in seconds; none where the first process is gone already.

    """
    started = _session_of(process)
    process.send_signal(signal.SIGTERM)  # does nothing to a process that has ended
    try:
        if process.returncode is None:
            psutil.wait_procs(started, timeout=patience_s)
    finally:
        left = [one for one in {*started, *_session_of(process)} if one.is_running()]
        for other in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                other.kill()
        psutil.wait_procs(left, timeout=_STOP_PATIENCE_S)
        process.wait()


def _session_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    found = tree_of(process)
    for pid in psutil.pids():
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            if os.getsid(pid) == process.pid:
                found.append(psutil.Process(pid))
    return list(dict.fromkeys(found))


def _work_s(process: subprocess.Popen[bytes]) -> float:
    total = 0.0
    for one in tree_of(process):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            total += times.user + times.system
    return total
