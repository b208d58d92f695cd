"""What the cache gives: a network that is there at once, and a second session of it that takes little more memory."""

from __future__ import annotations

from typing import Final

from tests.benchmarks.serving.cell import Cell
from tests.benchmarks.serving.figures import OURS, Figures, Key, Spread
from tests.benchmarks.serving.materials import models_dir
from tests.benchmarks.serving.programs import output_of
from tests.benchmarks.serving.scenarios import Scenario
from tests.benchmarks.serving.workplace import Workplace

SECOND_SESSION_SCENARIO: Final = "r50"
FORMS: Final = ("narrow", "both")
_MEASURE: Final = "form_proportional_mib"
_LOADS: Final = 5


def note_cached_load(figures: Figures, scenario: Scenario, *, workplace: Workplace) -> None:
    """Note how long a fresh process takes to load the network from the cache, some times.

    Raises:
        BenchmarkError: The cache does not hold it.

    """
    folder = models_dir(scenario.model, workplace=workplace) / scenario.model / "1"
    arguments = (str(workplace.cache), str(folder), scenario.precision)
    for _ in range(_LOADS):
        milliseconds = float(output_of("cached_load_program", *arguments))
        figures.add(Key(scenario.name, OURS, "from the cache", "cached_load_ms"), milliseconds)


def note_form(cell: Cell, *, callers: tuple[int, ...] = (1, 8)) -> None:
    """Note the memory of a server that was pinned to a form and has used it."""
    cell.rest()
    for count in callers:  # alone for the wide session, together for the narrow one
        cell.load(count, seconds=1.0)
    cell.note(_MEASURE, cell.memory().proportional)


def note_second_session(figures: Figures) -> None:
    """Note how much more memory both forms take than one."""
    found = {
        form: Spread.of(values).median
        for key, values in figures.values.items()
        for form in FORMS
        if key.measure == _MEASURE and key.form.endswith(f"FORM={form}")
    }
    if len(found) == len(FORMS):
        key = Key(SECOND_SESSION_SCENARIO, OURS, "FORM=both against FORM=narrow", "second_session_mib")
        figures.add(key, found["both"] - found["narrow"])
