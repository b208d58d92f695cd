"""The command `evaluate`: a published model looked at again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from training.arguments import shared

if TYPE_CHECKING:
    from training.arguments.shared import Subparsers


def add(commands: Subparsers) -> None:
    """Add the command."""
    evaluate = commands.add_parser("evaluate", help="score a published model through the serving path")
    evaluate.add_argument(
        "model", type=Path, metavar="FOLDER", help="models/NAME for the highest version, or a version"
    )
    evaluate.add_argument("--data", metavar="NAME", help="data set (default: the one it was published with)")
    evaluate.add_argument("--split", default="test", help="which pictures (default: test)")
    evaluate.add_argument("--json", action="store_true", help="as JSON")
    shared.add_folders(evaluate)
    evaluate.set_defaults(run=shared.lazily("evaluate", "evaluate"))
