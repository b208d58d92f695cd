"""The file of results: one line of JSON for each run, the newest last."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.serving.figures import Figures
from tests.end_to_end.processes import ROOT

RESULT: Final = Path(__file__).parents[1] / "results" / "serving.jsonl"
_DESCRIBE: Final = ("git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
_PACKAGES: Final = ("onnxruntime", "pillow", "numpy", "fastapi", "uvicorn", "uvloop")


@dataclass(frozen=True, slots=True)
class Result:
    """A run that has ended.

    Args:
        facts: When, on what, with which versions, how many rounds of how many seconds.
        notes: What was not measured, and why.
        figures: All values.

    """

    facts: Mapping[str, Any]
    notes: tuple[str, ...]
    figures: Figures

    def line(self) -> str:
        """Write one line of JSON."""
        return json.dumps({**self.facts, "notes": self.notes, "figures": self.figures.as_json()}) + "\n"

    @classmethod
    def from_line(cls, line: str) -> Result:
        """Read what `line` wrote."""
        whole = json.loads(line)
        notes, rows = tuple(whole.pop("notes")), whole.pop("figures")
        return cls(whole, notes, Figures.from_json(rows))


def append(result: Result, path: Path) -> None:
    """Add a run to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write(result.line())


def newest(path: Path) -> Result:
    """Read the last run of a file."""
    return Result.from_line(path.read_text(encoding="utf-8").splitlines()[-1])


def facts(*, rounds: int, cell_s: float) -> dict[str, Any]:
    """Say on what is measured."""
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "commit": commit(),
        "versions": {name: version(name) for name in _PACKAGES},
        "rounds": rounds,
        "seconds": cell_s,
        "load_before": os.getloadavg()[0],
    }


def commit() -> str:
    """Name the project's commit, with `-dirty` where files were changed; empty outside a checkout."""
    try:
        done = subprocess.run(_DESCRIBE, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:  # no git
        return ""
    return done.stdout.strip()


def machine() -> str:
    """Name the processor, the cores that may be used, and Python."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    processor = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return f"{len(os.sched_getaffinity(0))} cores of {processor}, Python {platform.python_version()}"
