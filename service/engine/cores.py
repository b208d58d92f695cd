"""How many processor cores this process may really use, and of what kind they are.

A container sees every core of its host and may use few of them; threads counted from the host wait for each other. Its
quota stands in a file of the control group that it is in, or of one around that: systemd's units, for example, lie in
slices.

Source: Linux, Documentation/admin-guide/cgroup-v2.rst (`cpu.max`) and scheduler/sched-bwc.rst (version 1).
"""

from __future__ import annotations

import functools
import hashlib
import math
import os
import platform
from collections.abc import Iterator
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")
_CPU_FACTS = Path("/proc/cpuinfo")
_TELLING = ("model name", "flags", "Features", "CPU part")  # x86 and ARM; clock rates and the like change by the second


def usable_cores(groups: Path = _GROUPS, membership: Path = _MEMBERSHIP) -> int:
    """Count the cores that affinity and the quotas of its control groups leave to this process, at least 1.

    Args:
        groups: Where control groups are mounted; what is not there or cannot be read bounds nothing.
        membership: Says which groups this process is in: lines of "<number>:<controllers>:<path>".

    """
    affinity = len(os.sched_getaffinity(0))
    return max(1, min([affinity, *(math.ceil(quota) for quota in _quotas(groups, membership))]))


def _quotas(groups: Path, membership: Path) -> Iterator[float]:
    """Give each quota that this process is under, in cores."""
    try:
        lines = membership.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        controllers, _, path = line.partition(":")[2].partition(":")
        if not controllers:  # version 2, which has one hierarchy for all
            for group in _around(groups, path):
                yield from _quota(group / "cpu.max")
        elif "cpu" in controllers.split(","):
            for group in _around(groups / controllers, path):
                yield from _quota(group / "cpu.cfs_quota_us", group / "cpu.cfs_period_us")


def _around(mounted: Path, path: str) -> Iterator[Path]:
    """Give a group and those around it. A container's own may be mounted in the place of the outermost one."""
    group = mounted / path.lstrip("/")
    while group != mounted:
        yield group
        group = group.parent
    yield mounted


def _quota(*files: Path) -> Iterator[float]:
    """Read a quota, in microseconds of each period of so many; none where it says "max" or -1."""
    try:
        quota, period = " ".join(file.read_text(encoding="ascii") for file in files).split()
        if quota != "max" and int(quota) >= 0:
            yield int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return  # not mounted, or a format of tomorrow's kernel


@functools.cache  # it does not change while the process lives, and a large machine says it a hundred times
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
