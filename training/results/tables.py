"""The figures of recipes as Markdown, and where in a document or a recipe they stand."""

from __future__ import annotations

from collections.abc import Sequence

from training.errors import TrainingError
from training.results.over_seeds import HEADING, Results


def table(rows: Sequence[Results]) -> str:
    """Write figures as a Markdown table, data set by data set, the largest error first.

    Args:
        rows: In any order; errors become per cent, mean ± standard deviation over seeds.

    """
    columns = (
        "recipe",
        "pictures (tested on)",
        "parameters",
        "multiply-adds",
        "top-1 error %",
        "top-5 error %",
        "calibration error %",
        "seeds",
        "minutes",
    )
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    hardware = set()
    for row in sorted(rows, key=lambda row: (row.dataset, -row.spread("top1_error").mean)):
        hardware.add(row.hardware)
        lines.append(
            f"| {row.recipe} | {row.dataset} ({row.n:,}) "
            f"| {row.architecture.parameters:,} | {row.architecture.multiply_adds:,} "
            f"| {row.spread('top1_error').percent()} | {row.spread('top5_error').percent()} "
            f"| {row.spread('calibration_error').percent()} | {len(row.runs)} | {row.spread('minutes').mean:.1f} |"
        )
    errors = "Errors on the test pictures: mean ± standard deviation over seeds."
    return "\n".join([*lines, "", f"{errors} Minutes of {'; '.join(sorted(hardware))}.", ""])


def between_marks(text: str, table: str, *, name: str) -> str:
    """Replace what stands between `<!-- NAME table begins -->` and `<!-- NAME table ends -->` in a document.

    Raises:
        TrainingError: The document has no such marks.

    """
    first, last = f"<!-- {name} table begins -->", f"<!-- {name} table ends -->"
    before, begins, rest = text.partition(first)
    _, ends, after = rest.partition(last)
    if not begins or not ends:
        raise TrainingError(f"The document has no place for the table; it needs {first} and {last}.")
    return f"{before}{begins}\n{table}{ends}{after}"


def with_heading(recipe_text: str, results: Results) -> str:
    """Replace the line of a recipe's heading that says what was measured, or put one on top."""
    lines = recipe_text.splitlines(keepends=True)
    line = f"{results.heading()}\n"
    for number, old in enumerate(lines):
        if old.startswith(HEADING):
            return "".join([*lines[:number], line, *lines[number + 1 :]])
    return line + recipe_text
