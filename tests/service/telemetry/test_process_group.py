"""The process metrics of several processes read as those of one program."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import psutil
import pytest
from prometheus_client import CollectorRegistry

from service.telemetry.process_group import ProcessGroupCollector

_BOOTED_S: Final = 1_000_000
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


class Proc:
    """A folder that looks like /proc."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "stat").write_text(f"cpu 1 2 3\nbtime {_BOOTED_S}\n")

    def add(self, pid: int, *, started_s: int, user_s: int, of_ended_s: int = 0, share_kb: int | None = 100) -> None:
        """Add a process with two open files, 7 pages resident, and a name that is hard to read past."""
        folder = self.folder / str(pid)
        (folder / "fd").mkdir(parents=True, exist_ok=True)
        for number in range(2):
            (folder / "fd" / str(number)).touch()
        fields = ["0"] * 50
        fields[11], fields[12] = str(user_s * _TICKS_PER_S), "0"
        fields[13], fields[14] = str(of_ended_s * _TICKS_PER_S), str(1 * _TICKS_PER_S)
        fields[19], fields[20], fields[21] = str(started_s * _TICKS_PER_S), "4096", "7"
        (folder / "stat").write_text(f"{pid} (a ) name) {' '.join(fields)}\n")
        (folder / "limits").write_text(f"Max open files            {1000 + pid}     2000     files\n")
        if share_kb is not None:
            (folder / "smaps_rollup").write_text(f"Rss:  999 kB\nPss:    {share_kb} kB\nPss_Anon:  1 kB\n")


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    """Make a machine with a supervisor, 10, and two workers."""
    proc = Proc(tmp_path)
    proc.add(10, started_s=50, user_s=3, of_ended_s=20)
    proc.add(11, started_s=60, user_s=100)
    proc.add(12, started_s=70, user_s=200, share_kb=300)
    return proc


def values(proc: Proc, workers: tuple[int, ...] = (11, 12)) -> dict[str, float]:
    """Collect from that machine, as a scrape does."""
    registry = CollectorRegistry()
    registry.register(ProcessGroupCollector(supervisor=10, workers=lambda: workers, proc=proc.folder))
    return {sample.name: sample.value for metric in registry.collect() for sample in metric.samples}


def test_memory_is_the_sum_of_what_each_process_has_its_share_in(proc: Proc) -> None:
    """Pages that all of them have count once."""
    assert values(proc)["process_resident_memory_bytes"] == (100 + 100 + 300) * 1024


def test_where_the_kernel_does_not_tell_shares_whole_pages_are_counted(proc: Proc) -> None:
    """Too much is better than nothing."""
    proc.add(13, started_s=80, user_s=1, share_kb=None)
    assert values(proc, (13,))["process_resident_memory_bytes"] == 100 * 1024 + 7 * _PAGE_BYTES


def test_processor_time_includes_that_of_workers_which_have_ended(proc: Proc) -> None:
    """So that it never goes backwards when one is replaced."""
    before_s = values(proc)["process_cpu_seconds_total"]
    assert before_s == 3 + 100 + 200 + 20 + 1
    proc.add(10, started_s=50, user_s=3, of_ended_s=220)  # worker 12 has ended
    assert values(proc, (11,))["process_cpu_seconds_total"] == before_s


def test_the_program_started_when_its_supervisor_did(proc: Proc) -> None:
    """A replaced worker does not make the service young."""
    assert values(proc)["process_start_time_seconds"] == _BOOTED_S + 50


def test_files_are_added_up_and_the_limit_is_that_of_the_tightest(proc: Proc) -> None:
    """Each process has a limit of its own."""
    found = values(proc)
    assert (found["process_open_fds"], found["process_max_fds"]) == (6, 1010)
    assert found["process_virtual_memory_bytes"] == 3 * 4096


def test_a_worker_that_is_gone_is_passed_over(proc: Proc) -> None:
    """It may end between being listed and being read."""
    assert values(proc, (11, 99))["process_open_fds"] == 4


def test_a_worker_that_ends_while_others_are_read_is_counted_once(proc: Proc) -> None:
    """All is read again when the time of the ended ones has changed meanwhile."""
    reads: list[int] = []

    def ending() -> tuple[int, ...]:
        reads.append(1)
        if len(reads) == 1:
            proc.add(10, started_s=50, user_s=3, of_ended_s=220)  # 12 ends now, and its time with it
            return (11, 12)
        return (11,)

    collector = ProcessGroupCollector(supervisor=10, workers=ending, proc=proc.folder)
    (processor,) = (metric for metric in collector.collect() if metric.name == "process_cpu_seconds")
    assert processor.samples[0].value == 3 + 100 + 220 + 1
    assert len(reads) == 2


def test_this_very_process_is_told_rightly() -> None:
    """Against another reader of the same facts."""
    collector = ProcessGroupCollector(supervisor=os.getpid(), workers=tuple)
    found = {metric.name: metric.samples[0].value for metric in collector.collect()}
    process = psutil.Process()
    assert found["process_start_time_seconds"] == pytest.approx(process.create_time(), abs=1.5)
    assert 0 < found["process_resident_memory_bytes"] <= process.memory_info().rss * 1.2
    assert found["process_cpu_seconds"] > 0
