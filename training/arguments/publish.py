"""The commands `export`, `publish` and `table`: what finished runs become."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.arguments import shared

if TYPE_CHECKING:
    from training.arguments.shared import Subparsers


def add(commands: Subparsers) -> None:
    """Add the three commands."""
    _add_export(commands)
    _add_publish(commands)
    _add_table(commands)


def _add_export(commands: Subparsers) -> None:
    export = commands.add_parser("export", help="export and evaluate the best epoch of a run again")
    shared.add_recipe(export)
    shared.add_seed(export)
    shared.add_folders(export)
    export.set_defaults(run=shared.lazily("publish", "export"))


def _add_publish(commands: Subparsers) -> None:
    publish = commands.add_parser("publish", help="publish a finished run")
    shared.add_recipe(publish)
    publish.add_argument("--seed", type=int, metavar="N", help="of the run (default: the lowest validation error)")
    publish.add_argument("--version", type=int, metavar="N", help="instead of the next free one")
    shared.add_folders(publish)
    publish.set_defaults(run=shared.lazily("publish", "publish"))


def _add_table(commands: Subparsers) -> None:
    table = commands.add_parser("table", help="print the published figures as a Markdown table")
    table.add_argument("--group", metavar="NAME", help="of a group of recipes such as progress, with a figure")
    table.add_argument("--write", nargs="+", type=Path, default=[], metavar="FILE", help="put it into these documents")
    table.add_argument(
        "--results-dir", type=Path, metavar="FOLDER", help="where the figures are (default: with the recipes)"
    )
    table.set_defaults(run=shared.lazily("publish", "show_table"))
