"""The commands `architectures` and `describe`: what networks there are, and what one does layer by layer.

python -m training architectures [--json | --update-readme]
python -m training describe NAME [--input CxHxW] [--formula] [--json]
"""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from training.arguments import shared

if TYPE_CHECKING:
    from training.arguments.shared import Subparsers


def add(commands: Subparsers) -> None:
    """Add both commands."""
    listing = commands.add_parser("architectures", help="list every architecture with its published facts")
    form = listing.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument(
        "--update-readme", action="store_true", help="write the table into training/architectures/README.md"
    )
    listing.set_defaults(run=shared.lazily("describe", "list_architectures"))

    describing = commands.add_parser("describe", help="explain one network layer by layer")
    describing.add_argument("name", metavar="NAME", help="an architecture, for example resnet50")
    describing.add_argument(
        "--input",
        type=parse_shape,
        metavar="CxHxW",
        help="channels, height and width of the picture, for example 3x224x224 (default: as published)",
    )
    describing.add_argument("--formula", action="store_true", help="show the formula behind each number")
    describing.add_argument("--json", action="store_true", help="as JSON")
    describing.set_defaults(run=shared.lazily("describe", "describe"))


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
