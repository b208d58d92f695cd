"""`python -m service models list | verify | add`: look at the models folder, and put something into it.

Each command imports what it needs when it runs, so that the command line as a whole starts at once.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from service.commands.models_add import add_add_command
from service.settings import read_settings

if TYPE_CHECKING:
    from service.repository.listing import Listed

EXIT_OK = 0
EXIT_FAILED = 1


def add_models_commands(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the group."""
    models = commands.add_parser("models", help="look at the models folder, add a model to it").add_subparsers(
        title="commands", metavar="COMMAND", required=True
    )
    listing = models.add_parser("list", help="list models and versions")
    listing.add_argument("--json", action="store_true", help="for programs")
    listing.set_defaults(run=_list)
    verify = models.add_parser("verify", help="load every version and classify its golden samples")
    verify.add_argument("name", nargs="?", help="only this model")
    verify.set_defaults(run=_verify)
    add_add_command(models)


def _list(options: argparse.Namespace) -> int:
    from service.repository.listing import list_versions  # noqa: PLC0415  see the docstring above

    settings = read_settings()
    found = list_versions(settings.models_dir)
    if options.json:
        print(json.dumps([version.as_json() for version in found], indent=2))
    elif found:
        print(_table(found))
    else:
        print(f"{settings.models_dir} holds no model; `python -m service models add FILE.onnx --name NAME` adds one.")
    return EXIT_OK


def _table(found: list[Listed]) -> str:
    """Lay versions out in columns; what is wrong with one stands behind it."""
    rows = [
        ("MODEL", "VERSION", "VARIANTS", "CLASSES", "INPUT", "SIZE", "TOP-1 ERROR"),
        *(each.row() for each in found),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    reasons = [f"{each.name}/{each.version} is not good: {each.reason}" for each in found if each.reason]
    return "\n".join([*lines, *reasons])


def _verify(options: argparse.Namespace) -> int:
    from service.repository.verification import verify_models  # noqa: PLC0415

    good = True
    for line, passed in verify_models(read_settings(), only=options.name):
        print(line)
        good = good and passed
    return EXIT_OK if good else EXIT_FAILED
