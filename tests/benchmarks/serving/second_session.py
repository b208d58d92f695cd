"""What it costs in memory to hold a network twice, in a narrow and in a wide form, when both come from the cache."""

from __future__ import annotations

from typing import Final

from tests.benchmarks.serving.cell import Cell
from tests.benchmarks.serving.figures import OURS, Figures, Key, Spread
from tests.benchmarks.serving.ours import KNOWN_SETTINGS

SECOND_SESSION_SCENARIO: Final = "r50"
FORMS: Final = ("narrow", "both")
_MEASURE: Final = "form_proportional_mib"
_NEEDED: Final = frozenset({"FORM", "CACHE_DIR"})


def can_measure() -> str:
    """Say what the service lacks to be measured so, nothing where it can be."""
    return " and ".join(f"the setting {name}" for name in sorted(_NEEDED - KNOWN_SETTINGS))


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
