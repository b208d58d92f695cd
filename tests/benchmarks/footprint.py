"""Measures what a newcomer meets first: how long the service takes to start, its memory, how fast it answers.

Run it with `python -m tests.benchmarks.footprint`; it writes `results/footprint.json` and the README's figures. Every
figure is a median with its spread over fresh processes (start, memory) or requests (answer time) on the shipped model.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import httpx
import psutil

from tests.end_to_end.processes import ROOT, Service, running_service

RESULT: Final = Path(__file__).parent / "results" / "footprint.json"
README: Final = ROOT / "README.md"
_BEGINS, _ENDS = "<!-- footprint begins -->", "<!-- footprint ends -->"
_MODEL: Final = "fashion-mnist"
_SAMPLE: Final = ROOT / "models" / _MODEL / "1" / "samples" / "ankle-boot.png"
_STARTS: Final = 10
_REQUESTS: Final = 500


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and greatest of n values in one unit."""

    median: float
    least: float
    greatest: float
    n: int
    unit: str

    @classmethod
    def of(cls, values: Sequence[float], unit: str) -> Spread:
        """Summarise at least one value."""
        return cls(statistics.median(values), min(values), max(values), len(values), unit)

    def text(self) -> str:
        """Write `0.61 s [0.58-0.70], n = 10`."""
        return f"{self.median:.3g} {self.unit} [{self.least:.3g}-{self.greatest:.3g}], n = {self.n}"


def main() -> None:
    """Measure, keep the figures, and put them into the README."""
    starts_s, resident_mib = [], []
    answers_ms: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(_STARTS):
            with running_service(Path(folder), models_dir=ROOT / "models", log_level="warning") as service:
                starts_s.append(service.ready_s)
                answers_ms += _answer_times_ms(service, requests=_REQUESTS if number == 0 else 20)
                resident_mib.append(psutil.Process(service.process.pid).memory_info().rss / 2**20)
    figures = {
        "start to ready": Spread.of(starts_s, "s"),
        "resident memory": Spread.of(resident_mib, "MiB"),
        "one request, one caller (LeNet-5, 28x28 PNG)": Spread.of(answers_ms, "ms"),
    }
    result = {"machine": _machine(), "figures": {name: asdict(spread) for name, spread in figures.items()}}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    README.write_text(updated(README.read_text(encoding="utf-8"), render(result)), encoding="utf-8")


def render(result: Mapping[str, object]) -> str:
    """Write the figures as a Markdown table."""
    figures = result["figures"]
    if not isinstance(figures, dict):
        raise TypeError("figures must be an object")
    rows = [f"| {name} | {Spread(**spread).text()} |" for name, spread in figures.items()]
    return "\n".join([f"| on {result['machine']} | median [least-greatest] |", "|---|---|", *rows])


def updated(text: str, block: str) -> str:
    """Put a block between the README's marks."""
    before, begins, rest = text.partition(_BEGINS)
    _, ends, after = rest.partition(_ENDS)
    if not (begins and ends):
        raise ValueError(f"the README has no marks {_BEGINS} and {_ENDS}")
    return f"{before}{_BEGINS}\n{block}\n{_ENDS}{after}"


def _answer_times_ms(service: Service, *, requests: int) -> list[float]:
    picture = _SAMPLE.read_bytes()
    times_ms = []
    with httpx.Client() as client:
        for _ in range(requests):
            started = time.perf_counter()
            client.post(f"{service.url}/models/{_MODEL}/predict", content=picture).raise_for_status()
            times_ms.append((time.perf_counter() - started) * 1000)
    return times_ms


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return f"{len(os.sched_getaffinity(0))} cores of {processor}, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
