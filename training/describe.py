"""The commands `architectures` and `describe`: what networks there are, and what one does layer by layer.

    python -m training architectures [--json | --update-readme]
    python -m training describe NAME [--input CxHxW] [--formula] [--json]

The tables are made in `network_tables.py`, which needs torch and is imported when a command runs, so that `--help`
is quick.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse gives it no public name

README = Path(__file__).parent / "architectures" / "README.md"
_WRONG_INPUT = 2  # the exit status that argparse itself uses for what it cannot accept


def add_commands(subparsers: Subparsers) -> None:
    """Add both commands; each sets `run`, a function from the parsed arguments to an exit status.

    Args:
        subparsers: what `ArgumentParser.add_subparsers` gave.
    """
    listing = subparsers.add_parser("architectures", help="list every architecture with its published facts")
    form = listing.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument(
        "--update-readme", action="store_true", help="write the table into training/architectures/README.md"
    )
    listing.set_defaults(run=run_architectures)

    describing = subparsers.add_parser("describe", help="explain one network layer by layer")
    describing.add_argument("name", metavar="NAME", help="an architecture, for example resnet50")
    describing.add_argument(
        "--input",
        type=parse_shape,
        metavar="CxHxW",
        help="channels, height and width of the picture, for example 3x224x224 (default: as published)",
    )
    describing.add_argument("--formula", action="store_true", help="show the formula behind each number")
    describing.add_argument("--json", action="store_true", help="as JSON")
    describing.set_defaults(run=run_describe)


def parse_shape(text: str) -> tuple[int, int, int]:
    """Read channels, height and width from text like 3x224x224.

    Raises:
        argparse.ArgumentTypeError: the text has another form, or a number is zero.
    """
    found = re.fullmatch(r"(\d+)x(\d+)x(\d+)", text)
    numbers = tuple(int(number) for number in found.groups()) if found else ()
    if not found or min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"must be channels x height x width like 3x224x224, not {text!r}")
    channels, height, width = numbers
    return channels, height, width


def run_architectures(arguments: argparse.Namespace) -> int:
    """List all architectures; return the exit status."""
    from training import network_tables  # noqa: PLC0415 - torch takes seconds that --help must not

    rows = network_tables.architecture_rows()
    if arguments.update_readme:
        table = network_tables.architectures_as_markdown(rows)
        README.write_text(network_tables.readme_with_table(README.read_text("utf-8"), table=table), "utf-8")
    elif arguments.json:
        _write_json(rows)
    else:
        sys.stdout.write(network_tables.architectures_as_text(rows))
    return 0


def run_describe(arguments: argparse.Namespace) -> int:
    """Explain one network; return the exit status."""
    from training import network_tables  # noqa: PLC0415 - torch takes seconds that --help must not

    try:
        description = network_tables.describe(arguments.name, input_shape=arguments.input)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return _WRONG_INPUT
    if arguments.json:
        _write_json(description)
    else:
        sys.stdout.write(network_tables.description_as_text(description, formulas=arguments.formula))
    return 0


def _write_json(value: object) -> None:
    json.dump(value, sys.stdout, indent=2)
    sys.stdout.write("\n")
