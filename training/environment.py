"""On what a run was made: hardware, versions, the commit of the project."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

_LIBRARIES = ("torch", "lightning-fabric", "datasets", "numpy", "pillow", "onnx", "onnxscript", "onnxruntime")
_PROJECT = Path(__file__).parents[1]
_GIT_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Environment:
    """What surrounds a run.

    Args:
        hardware: Processor or accelerators, and how many.
        commit: Of the project, with `-dirty` where tracked files were changed; empty outside a checkout.
        versions: Library to version.

    """

    hardware: str
    commit: str
    versions: dict[str, str]


def current_environment(device: torch.device, *, processes: int) -> Environment:
    """Look around; `device` and `processes` are what the run uses."""
    return Environment(hardware(device, processes=processes), commit(), versions())


def hardware(device: torch.device, *, processes: int) -> str:
    """Name the processor or the accelerators that a run uses, and how many."""
    if device.type == "cuda":
        return f"{processes} x {torch.cuda.get_device_name(device)}"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = torch.get_num_threads() * processes
    shared = "" if threads == cores else f" ({threads} thread{'s' if threads > 1 else ''})"
    return f"{cores} core{'s' if cores > 1 else ''} of {_processor_name()}{shared}"


def versions() -> dict[str, str]:
    """List the versions of the libraries that decide what a run computes."""
    return {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}}


def commit(folder: Path = _PROJECT) -> str:
    """Name the project's commit, with `-dirty` where tracked files were changed; empty outside a checkout."""
    try:
        head = _git(folder, "rev-parse", "--short=12", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return ""
    return f"{head}-dirty" if changed else head


def _git(folder: Path, *arguments: str) -> str:
    answer = subprocess.run(  # noqa: S603  the words are ours
        ["git", "-C", str(folder), *arguments],  # noqa: S607  whichever git the user has
        check=True,
        capture_output=True,
        text=True,
        timeout=_GIT_TIMEOUT_S,
    )
    return answer.stdout.strip()


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
