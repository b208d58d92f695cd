"""A group of recipes as one Markdown table, with what it says about the claims and a figure of error against cost.

Pure: figures in, text and PNG out. Where a figure is missing the table says so and does not guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from training.architectures import facts
from training.comparison.claims import sentences
from training.comparison.groups import Group
from training.figures.canvas import as_png
from training.figures.error_against_cost import CostPoint, error_against_cost_figure
from training.results.over_seeds import Results

_COLUMNS = (
    "network",
    "year",
    "width",
    "parameters",
    "multiply-adds",
    "ONNX kB",
    "CPU latency ms",
    "top-1 error %",
    "top-5 error %",
    "seeds",
    "minutes",
)
_UNKNOWN = "-"


def group_table(group: Group, results: Mapping[str, Results], *, figure: str | None = None) -> str:
    """Write a group's figures as Markdown: the table, what was measured how, the claims.

    Args:
        group: In its order.
        results: By recipe; those that are not measured yet are named below the table.
        figure: Where the figure lies as seen from the document; None leaves it out.

    """
    rows = [(member.title, results[member.recipe]) for member in group.members if member.recipe in results]
    lines = [_line(_COLUMNS), "|---" * len(_COLUMNS) + "|", *(_row(title, row) for title, row in rows)]
    missing = [member.title for member in group.members if member.recipe not in results]
    paragraphs = ["\n".join(lines), *_conditions([row for _, row in rows])]
    if missing:
        paragraphs.append(f"Not measured yet: {', '.join(missing)}.")
    if figure is not None and rows:
        paragraphs.append(f"![Top-1 error against multiply-adds of a picture]({figure})")
    judged = sentences(group, results)
    if judged:
        paragraphs += ["What was claimed about the order, and what these runs say:", "\n".join(map(_item, judged))]
        paragraphs.append(
            "Within the spread: the two differ by at most twice the standard error of the difference, from seeds and "
            "from the number of test pictures; where there is one seed, the largest deviation of the others counts."
        )
    return "\n\n".join(paragraphs) + "\n"


def group_figure(group: Group, results: Mapping[str, Results]) -> bytes | None:
    """Draw error against cost as PNG; None where nothing is measured yet."""
    points = [
        CostPoint(
            name=member.title,
            multiply_adds=row.architecture.multiply_adds,
            error=row.spread("top1_error").mean,
            deviation=row.spread("top1_error").deviation,
        )
        for member in group.members
        if (row := results.get(member.recipe)) is not None
    ]
    if not points:
        return None
    first = next(iter(results.values()))
    return as_png(error_against_cost_figure(points, dataset=first.dataset, epochs=first.epochs))


def _row(title: str, row: Results) -> str:
    timed, architecture = row.single_picture, row.architecture
    return _line(
        (
            title,
            str(facts(architecture.name).year),
            f"{row.width:g}",
            f"{architecture.parameters:,}",
            f"{architecture.multiply_adds:,}",
            _UNKNOWN if row.model_bytes is None else f"{row.model_bytes / 1000:,.0f}",
            _UNKNOWN if timed is None else f"{timed.median_ms:.2f}",
            row.spread("top1_error").percent(),
            row.spread("top5_error").percent(),
            str(len(row.runs)),
            f"{row.spread('minutes').mean:.1f}",
        )
    )


def _conditions(rows: Iterable[Results]) -> list[str]:
    """Say on what the figures were measured; more than one sentence of a kind shows that rows cannot be compared."""
    runs, latencies = set(), set()
    for row in rows:
        runs.add(f"{row.dataset}, {row.epochs} epochs, {row.n:,} test pictures, trained on {row.hardware}")
        if (timed := row.single_picture) is not None:
            threads = f"{timed.threads} thread{'s' if timed.threads > 1 else ''}"
            latencies.add(f"median of {timed.n} pictures one by one, the network alone, {threads}, {timed.hardware}")
    told = [
        f"Measured on {'; '.join(sorted(runs))}. Errors: mean ± standard deviation over seeds. Minutes: of one seed."
    ]
    if latencies:
        told.append(f"CPU latency: {'; '.join(sorted(latencies))}.")
    return told if runs else []


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _item(sentence: str) -> str:
    return f"- {sentence}"
