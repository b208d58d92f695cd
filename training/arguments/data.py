"""The command `data`: what is in a data set, before anything is trained on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.arguments import shared
from training.arguments.counts import count

if TYPE_CHECKING:
    from training.arguments.shared import Subparsers


def add(commands: Subparsers) -> None:
    """Add the command."""
    data = commands.add_parser("data", help="say what is in a data set: classes, sizes, broken files, twins")
    data.add_argument("name", metavar="NAME", help="a folder, a .parquet file, a known name or a Hugging Face Hub name")
    data.add_argument(
        "--split-seed", type=int, default=1, metavar="N", help="as data.split_seed of a recipe (default: 1)"
    )
    data.add_argument("--workers", type=count, metavar="N", help="processes that decode (default: one per core)")
    data.add_argument("--json", action="store_true", help="as JSON")
    shared.add_folders(data)
    data.set_defaults(run=shared.lazily("data", "show"))
