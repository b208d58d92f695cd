"""Notes the machine's limit, which a process of its own measures, as nothing else may share its memory and threads."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.benchmarks.serving.errors import BenchmarkError
from tests.benchmarks.serving.figures import LIMIT, Figures, Key
from tests.benchmarks.serving.materials import models_dir, picture_files
from tests.benchmarks.serving.scenarios import Scenario
from tests.benchmarks.serving.workplace import Workplace
from tests.end_to_end.processes import ROOT


def note_limit(figures: Figures, scenario: Scenario, *, workplace: Workplace, seconds: float) -> None:
    """Measure every form once; the best of those that a number of callers allows is found when medians are there.

    Raises:
        BenchmarkError: The program failed.

    """
    folder = models_dir(scenario.model, workplace=workplace) / scenario.model / "1"
    pictures = picture_files(scenario.pictures, workplace=workplace)
    program = [sys.executable, "-m", "tests.benchmarks.serving.limit_program"]
    arguments = [str(folder), scenario.precision, str(seconds), *map(str, pictures)]
    done = subprocess.run([*program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchmarkError(f"the limit was not measured: {done.stderr.strip().splitlines()[-1]}")
    for row in json.loads(done.stdout):
        for callers in scenario.callers:
            if callers > 1 or row["callers"] == 1:  # many callers may leave the work to one thread as well
                figures.add(Key(scenario.name, LIMIT, row["form"], "rate_per_s", callers), row["rate_per_s"])
