"""How many processor cores this process may really use, and of what kind they are.

A container sees every core of its host and may use few of them; threads counted from the host wait for each other.
"""

from __future__ import annotations

import hashlib
import math
import os
import platform
from pathlib import Path

_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_CPU_FACTS = Path("/proc/cpuinfo")
_TELLING = ("model name", "flags", "Features", "CPU part")  # x86 and ARM; clock rates and the like change by the second


def usable_cores(quota_file: Path = _CGROUP_QUOTA) -> int:
    """Count the cores that affinity and the cgroup's quota leave to this process, at least 1.

    Args:
        quota_file: cgroup v2's `cpu.max`: "<microseconds> <period>" or "max <period>".

    """
    affinity = len(os.sched_getaffinity(0))
    try:
        quota, period = quota_file.read_text(encoding="ascii").split()
        allowed = affinity if quota == "max" else math.ceil(int(quota) / int(period))
    except (OSError, ValueError, ZeroDivisionError):
        allowed = affinity  # no cgroup v2 here, or none that speaks this format: affinity is all there is
    return max(1, min(affinity, allowed))


def processor_kind(facts_file: Path = _CPU_FACTS) -> str:
    """Name the kind of processor in a few characters: equal where machine code made for one runs as well on the other.

    Args:
        facts_file: Linux's description of the cores.

    """
    try:
        lines = facts_file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = [platform.processor()]  # another system; all that it tells
    telling = sorted({line for line in lines if line.startswith(_TELLING)}) or lines
    digest = hashlib.sha256("\n".join([platform.machine(), *telling]).encode()).hexdigest()
    return f"{platform.machine()}-{digest[:12]}"
