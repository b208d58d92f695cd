"""A virtual environment for each rival, made on demand in the work folder from its pinned requirements.

Knows pip; not what the rivals are.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.benchmarks.serving.errors import BenchmarkError

_COMPLETE: Final = "complete"


def environment_of(requirements: Path, *, folder: Path) -> Path:
    """Make an environment, or find it made; one whose requirements changed is made anew.

    Args:
        requirements: Pinned; its name is the environment's.
        folder: Where environments lie.

    Returns:
        Its folder of programs.

    Raises:
        BenchmarkError: Something cannot be installed; the text is pip's own reason.

    """
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    home = folder / requirements.stem
    complete = home / _COMPLETE
    if not (complete.is_file() and complete.read_text(encoding="ascii") == digest):
        shutil.rmtree(home, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(home)], requirements)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--requirement", str(requirements)], requirements)
        complete.write_text(digest, encoding="ascii")
    return home / "bin"


def _run(command: list[str], requirements: Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        reason = (errors or done.stderr.strip().splitlines() or [f"code {done.returncode}"])[-1]
        raise BenchmarkError(f"the environment of {requirements.stem} cannot be made: {reason}")
