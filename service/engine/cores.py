"""How many processor cores this process may really use.

A container sees every core of its host and may use few of them; threads counted from the host wait for each other.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")


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
