"""Networks listed, and one explained layer by layer."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from training.geometry import tables

README = Path(__file__).parents[1] / "architectures" / "README.md"
_WRONG_INPUT = 2  # as argparse itself exits for what it cannot accept


def list_architectures(parsed: argparse.Namespace) -> int:
    """List all architectures."""
    rows = tables.architecture_rows()
    if parsed.update_readme:
        table = tables.architectures_as_markdown(rows)
        README.write_text(tables.readme_with_table(README.read_text("utf-8"), table=table), "utf-8")
    elif parsed.json:
        _write_json(rows)
    else:
        sys.stdout.write(tables.architectures_as_text(rows))
    return 0


def describe(parsed: argparse.Namespace) -> int:
    """Explain one network."""
    try:
        description = tables.describe(parsed.name, input_shape=parsed.input)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return _WRONG_INPUT
    if parsed.json:
        _write_json(description)
    else:
        sys.stdout.write(tables.description_as_text(description, formulas=parsed.formula))
    return 0


def _write_json(value: object) -> None:
    json.dump(value, sys.stdout, indent=2)
    sys.stdout.write("\n")
