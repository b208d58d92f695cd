"""The process metrics of a supervisor and its workers as those of one program, under the names every program has.

Memory is the share that each process has in its pages, added up, so that what they have in common counts once.
Processor time includes that of workers which have ended. The program started when its supervisor did. There is no label
for the process, because alerts and dashboards look at the service.

Source: proc(5): /proc/PID/stat, /proc/PID/smaps_rollup.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from prometheus_client import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

_PROC: Final = Path("/proc")
_MEMORY: Final = "process_resident_memory_bytes"
_PROCESSOR: Final = "process_cpu_seconds"
_LEAST: Final = frozenset({"process_start_time_seconds", "process_max_fds"})  # of all processes; the others are sums
_SHARE: Final = re.compile(rb"^Pss: +(\d+) kB$", re.MULTILINE)
_MOST_TRIES: Final = 5


class ProcessGroupCollector(Collector):
    """Collects for a group of processes what the library collects for one.

    Args:
        supervisor: Process that starts the others and waits for them.
        workers: Reads which others there are now.
        proc: Where the kernel shows processes.

    """

    def __init__(self, *, supervisor: int, workers: Callable[[], Sequence[int]], proc: Path = _PROC) -> None:
        self._supervisor = supervisor
        self._workers = workers
        self._proc = proc
        self._pid = supervisor  # of the process that is being read
        self._process = ProcessCollector(pid=lambda: self._pid, proc=str(proc), registry=None)
        self._ticks_per_s = os.sysconf("SC_CLK_TCK")

    def collect(self) -> Iterable[Metric]:
        """Read all processes; again where one ended meanwhile, since its time would be counted twice or not at all."""
        for _ in range(_MOST_TRIES):
            ended_s = self._time_of_ended_s()
            found = self._read()
            if self._time_of_ended_s() == ended_s:
                break
        processor = found.get(_PROCESSOR)
        if processor is not None:
            _set(processor, _value(processor) + ended_s)
        return found.values()

    def _read(self) -> dict[str, Metric]:
        found: dict[str, Metric] = {}
        for pid in (self._supervisor, *self._workers()):
            self._pid = pid
            for metric in self._process.collect():
                if metric.name == _MEMORY:
                    _set(metric, self._memory_bytes(otherwise=_value(metric)))
                if metric.name in found:
                    rule = min if metric.name in _LEAST else sum
                    _set(metric, rule((_value(found[metric.name]), _value(metric))))
                found[metric.name] = metric
        return found

    def _memory_bytes(self, *, otherwise: float) -> float:
        try:
            share = _SHARE.search((self._proc / str(self._pid) / "smaps_rollup").read_bytes())
        except OSError:  # a kernel before 4.14, or one that lets nobody look
            share = None
        return float(share[1]) * 1024 if share else otherwise

    def _time_of_ended_s(self) -> float:
        """Read the processor time of the workers that have ended."""
        try:
            after_name = (self._proc / str(self._supervisor) / "stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            return 0.0
        return (int(after_name[13]) + int(after_name[14])) / self._ticks_per_s


def _value(metric: Metric) -> float:
    return float(metric.samples[0].value)


def _set(metric: Metric, value: float) -> None:
    metric.samples[0] = metric.samples[0]._replace(value=value)
