"""The number of usable cores is what affinity and the container's quota leave, and at least one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from service.engine.cores import processor_kind, usable_cores


@pytest.fixture
def cores() -> int:
    """Count the cores that affinity leaves to the test."""
    return len(os.sched_getaffinity(0))


def _usable(folder: Path, membership: str, **files: str) -> int:
    """Count with control groups of the test's own; file names have __ for a slash and _ for a dot."""
    (folder / "membership").write_text(membership)
    for name, content in files.items():
        path = folder / "groups" / name.replace("__", "/").replace("cpu_max", "cpu.max").replace("cpu_cfs", "cpu.cfs")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return usable_cores(folder / "groups", folder / "membership")


@pytest.mark.parametrize(
    ("content", "allowed"),
    [
        ("100000 100000\n", 1),
        ("50000 100000\n", 1),
        ("1 100000\n", 1),
        ("150000 100000\n", 2),
        ("200000 100000", 2),
        ("100001 100000\n", 2),
        ("0 100000\n", 1),
    ],
)
def test_a_quota_bounds_the_cores_rounded_up(tmp_path: Path, cores: int, content: str, allowed: int) -> None:
    """A share of a core counts as a core, and nothing as one; never more than affinity allows."""
    assert _usable(tmp_path, "0::/\n", cpu_max=content) == min(allowed, cores)


@pytest.mark.parametrize("content", ["max 100000\n", "6400000 100000\n"])
def test_a_quota_beyond_the_machine_leaves_affinity(tmp_path: Path, cores: int, content: str) -> None:
    """No quota, or one above what affinity leaves, changes nothing."""
    assert _usable(tmp_path, "0::/\n", cpu_max=content) == cores


@pytest.mark.parametrize("content", ["", "rubbish", "1 2 3", "one 100000", "100000 0", "é 1"])
def test_a_quota_that_cannot_be_read_leaves_affinity(tmp_path: Path, cores: int, content: str) -> None:
    """A kernel with another format is no reason not to serve."""
    assert _usable(tmp_path, "0::/\n", cpu_max=content) == cores


@pytest.mark.parametrize("membership", ["", "rubbish\n", "0:\n", "0::/\n", "0::/../elsewhere\n", "7:memory:/\n"])
def test_without_a_quota_affinity_counts(tmp_path: Path, cores: int, membership: str) -> None:
    """Nothing is mounted, or nothing known."""
    assert _usable(tmp_path, membership) == cores
    assert usable_cores(tmp_path / "groups", tmp_path / "missing") == cores


def test_the_tightest_quota_of_all_groups_around_counts(tmp_path: Path) -> None:
    """A unit of systemd has its own file below that of its slice, and the outermost group has none."""
    unit = "0::/system.slice/convserve.service\n"
    own = {"system.slice__convserve.service__cpu_max": "100000 100000", "system.slice__cpu_max": "max 100000"}
    assert _usable(tmp_path, unit, **own) == 1
    outer = {"system.slice__convserve.service__cpu_max": "max 100000", "system.slice__cpu_max": "50000 100000"}
    assert _usable(tmp_path, unit, **outer) == 1


@pytest.mark.parametrize("path", ["/", "/docker/0123"])
def test_quotas_of_the_first_version_of_control_groups_count_too(tmp_path: Path, cores: int, path: str) -> None:
    """A container may be told the host's path of its group, while its own is mounted at the top."""
    membership = f"4:memory:/\n3:cpu,cpuacct:{path}\n0::/\n"
    (tmp_path / "free").mkdir()
    files = {"cpu,cpuacct__cpu_cfs_quota_us": "100000\n", "cpu,cpuacct__cpu_cfs_period_us": "100000\n"}
    assert _usable(tmp_path, membership, **files) == 1
    free = {**files, "cpu,cpuacct__cpu_cfs_quota_us": "-1\n"}
    assert _usable(tmp_path / "free", membership, **free) == cores


def test_affinity_bounds_the_cores(tmp_path: Path) -> None:
    """A process pinned to one core has one core, whatever the quota says."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert usable_cores(tmp_path, tmp_path / "missing") == 1
    finally:
        os.sched_setaffinity(0, before)


def test_the_kind_of_processor_tells_two_machines_apart_and_not_two_moments(tmp_path: Path) -> None:
    """Model and instruction sets count, clock rates do not."""
    for name, content in {
        "one": "model name : A\nflags : sse avx2\ncpu MHz : 3000.1\n",
        "later": "model name : A\nflags : sse avx2\ncpu MHz : 2100.7\n",
        "other": "model name : A\nflags : sse avx512f\ncpu MHz : 3000.1\n",
    }.items():
        (tmp_path / name).write_text(content)
    assert processor_kind(tmp_path / "one") == processor_kind(tmp_path / "later")
    assert processor_kind(tmp_path / "one") != processor_kind(tmp_path / "other")
    assert processor_kind(tmp_path / "missing")
