"""Notes the machine's limit, which a process of its own measures, as nothing else may share its memory and threads."""

from __future__ import annotations

import json

from tests.benchmarks.serving.figures import LIMIT, Figures, Key
from tests.benchmarks.serving.materials import models_dir, picture_files
from tests.benchmarks.serving.programs import output_of
from tests.benchmarks.serving.scenarios import Scenario
from tests.benchmarks.serving.workplace import Workplace


def note_limit(figures: Figures, scenario: Scenario, *, workplace: Workplace, seconds: float) -> None:
    """Measure every form once; the best of those that a number of callers allows is found when medians are there.

    Raises:
        BenchmarkError: The program failed.

    """
    folder = models_dir(scenario.model, workplace=workplace) / scenario.model / "1"
    pictures = picture_files(scenario.pictures, workplace=workplace)
    arguments = [str(folder), scenario.precision, str(seconds), *map(str, pictures)]
    for row in json.loads(output_of("limit_program", *arguments)):
        for callers in scenario.callers:
            if callers > 1 or row["callers"] == 1:  # many callers may leave the work to one thread as well
                figures.add(Key(scenario.name, LIMIT, row["form"], "rate_per_s", callers), row["rate_per_s"])
