"""What is told of a picture, one row each, and the forms in which rows are written: table, CSV, JSON lines.

Probabilities have six digits after the point, which is what the networks' 32-bit values agree in on every machine.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

DIGITS: Final = 6
_LABEL_WIDTH: Final = 20


@dataclass(frozen=True, slots=True)
class Guess:
    """One class of a picture.

    Args:
        label: Its name.
        index: Its position among the model's labels, from 0.
        probability: From 0 to 1.

    """

    label: str
    index: int
    probability: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says of a picture.

    Args:
        model: Its name.
        version: Of the model.
        precision: Of the variant that ran.
        guesses: Most probable first.

    """

    model: str
    version: int
    precision: str
    guesses: tuple[Guess, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one picture.

    Args:
        source: What it was named.
        answer: None where it could not be classified.
        error: Why not, else empty.

    """

    source: str
    answer: Answer | None
    error: str = ""


class Form(Protocol):
    """A way of writing rows."""

    def heading(self) -> str:
        """Make what stands before the first row, with its line break, or nothing."""

    def line(self, row: Row) -> str:
        """Make the text of a row, with its line break."""


@dataclass(frozen=True, slots=True)
class Csv:
    """Comma-separated values, one line a picture; further classes stand in columns of their own, the error in the last.

    Args:
        top_k: Classes of a picture.

    Source: RFC 4180, with the line break of Unix.

    """

    top_k: int

    def heading(self) -> str:
        """Name the columns."""
        ranks = ["", *(f"_{rank}" for rank in range(2, self.top_k + 1))]
        columns = [f"{name}{rank}" for rank in ranks for name in ("label", "probability", "index")]
        return _csv_line(["source", *columns, "error"])

    def line(self, row: Row) -> str:
        """Write one picture; cells without a value are empty."""
        guesses = row.answer.guesses if row.answer else ()
        cells = [cell for guess in guesses for cell in (guess.label, f"{guess.probability:.{DIGITS}f}", guess.index)]
        empty = [""] * (3 * (self.top_k - len(guesses)))
        return _csv_line([row.source, *cells, *empty, row.error])


def _csv_line(cells: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


@dataclass(frozen=True, slots=True)
class JsonLines:
    """One JSON object a line: `source` with `model`, `version`, `precision`, `predictions`, or with `error`."""

    def heading(self) -> str:
        """Return nothing."""
        return ""

    def line(self, row: Row) -> str:
        """Write one picture."""
        facts: dict[str, object] = {"source": row.source}
        if row.answer is None:
            facts["error"] = row.error
        else:
            answer = row.answer
            facts |= {"model": answer.model, "version": answer.version, "precision": answer.precision}
            facts["predictions"] = [
                {"label": guess.label, "index": guess.index, "probability": round(guess.probability, DIGITS)}
                for guess in answer.guesses
            ]
        return json.dumps(facts, ensure_ascii=False) + "\n"


@dataclass(slots=True)
class Table:
    """Columns for a person; the source comes last, because it may be long, and once for all classes of a picture."""

    _width: int = field(default=_LABEL_WIDTH)

    def heading(self) -> str:
        """Name the columns."""
        return f"{'probability':>11}  {'label':<{self._width}}  source\n"

    def line(self, row: Row) -> str:
        """Write one picture; the column of labels widens with the longest so far."""
        if row.answer is None:
            return f"{'error':>11}  {printable(row.source)}: {printable(row.error)}\n"
        guesses = row.answer.guesses
        self._width = max(self._width, *(len(printable(guess.label)) for guess in guesses))
        sources = [printable(row.source), *("" for _ in guesses[1:])]
        lines = [
            f"{guess.probability:>11.2%}  {printable(guess.label):<{self._width}}  {source}".rstrip()
            for guess, source in zip(guesses, sources, strict=True)
        ]
        return "\n".join(lines) + "\n"


def printable(text: str) -> str:
    """Show a text from elsewhere on a terminal, where control characters would act instead of being seen."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def form_named(name: str, *, top_k: int) -> Form:
    """Make the form of a name: table, csv or jsonl."""
    forms: dict[str, Form] = {"table": Table(), "csv": Csv(top_k), "jsonl": JsonLines()}
    return forms[name]
