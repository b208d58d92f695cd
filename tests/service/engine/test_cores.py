"""The number of usable cores is what affinity and the container's quota leave, and at least one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from service.engine.cores import usable_cores


@pytest.fixture
def one_of_many_cores() -> int:
    """Count the cores that affinity leaves to the test."""
    return len(os.sched_getaffinity(0))


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
def test_a_quota_bounds_the_cores_rounded_up(
    tmp_path: Path, one_of_many_cores: int, content: str, allowed: int
) -> None:
    """A share of a core counts as a core, and nothing as one; never more than affinity allows."""
    quota_file = tmp_path / "cpu.max"
    quota_file.write_text(content)
    assert usable_cores(quota_file) == min(allowed, one_of_many_cores)


@pytest.mark.parametrize("content", ["max 100000\n", "6400000 100000\n"])
def test_a_quota_beyond_the_machine_leaves_affinity(tmp_path: Path, one_of_many_cores: int, content: str) -> None:
    """No quota, or one above what affinity leaves, changes nothing."""
    quota_file = tmp_path / "cpu.max"
    quota_file.write_text(content)
    assert usable_cores(quota_file) == one_of_many_cores


@pytest.mark.parametrize("content", ["", "rubbish", "1 2 3", "one 100000", "100000 0", "é 1"])
def test_a_quota_that_cannot_be_read_leaves_affinity(tmp_path: Path, one_of_many_cores: int, content: str) -> None:
    """A kernel with another format is no reason not to serve."""
    quota_file = tmp_path / "cpu.max"
    quota_file.write_text(content, encoding="utf-8")
    assert usable_cores(quota_file) == one_of_many_cores


def test_without_a_quota_file_affinity_counts(tmp_path: Path, one_of_many_cores: int) -> None:
    """Outside a container with cgroup v2 the file is not there."""
    assert usable_cores(tmp_path / "missing") == one_of_many_cores


def test_affinity_bounds_the_cores(tmp_path: Path) -> None:
    """A process pinned to one core has one core, whatever the quota says."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert usable_cores(tmp_path / "missing") == 1
    finally:
        os.sched_setaffinity(0, before)
