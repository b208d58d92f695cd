"""The README's part about speed: generated from the newest run in the file of results, never typed."""

from __future__ import annotations

from typing import Final

from tests.benchmarks.serving.results import RESULT, Result, newest
from tests.benchmarks.serving.tables import aims_table
from tests.end_to_end.processes import ROOT

README: Final = ROOT / "README.md"
BEGINS, ENDS = "<!-- serving begins -->", "<!-- serving ends -->"


def block(result: Result) -> str:
    """Write what stands between the marks."""
    return aims_table(result)


def updated(text: str, content: str) -> str:
    """Put a block between the marks.

    Raises:
        ValueError: There are none.

    """
    before, begins, rest = text.partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    if not (begins and ends):
        raise ValueError(f"the README has no marks {BEGINS} and {ENDS}")
    return f"{before}{BEGINS}\n{content}\n{ENDS}{after}"


def update() -> bool:
    """Write the newest run into the README, where that has the marks.

    Returns:
        Whether it has.

    """
    text = README.read_text(encoding="utf-8")
    if BEGINS not in text:
        return False
    README.write_text(updated(text, block(newest(RESULT))), encoding="utf-8")
    return True


if __name__ == "__main__":
    update()
