"""The commands `train` and `compare`: recipes run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from training.arguments import shared

if TYPE_CHECKING:
    from training.arguments.shared import Subparsers


def add(commands: Subparsers) -> None:
    """Add both commands."""
    _add_train(commands)
    _add_compare(commands)


def _add_train(commands: Subparsers) -> None:
    train = commands.add_parser("train", help="train, export, evaluate and publish a recipe")
    shared.add_recipe(train)
    shared.add_seed(train)
    shared.add_hardware(train)
    shared.add_start(train)
    shared.add_folders(train)
    train.add_argument(
        "--publish",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="publish the model that the recipe names, if it names one (default: yes)",
    )
    train.add_argument(
        "--version", type=int, metavar="N", help="publish under this version instead of the next free one"
    )
    train.set_defaults(run=shared.lazily("train", "train"))


def _add_compare(commands: Subparsers) -> None:
    compare = commands.add_parser(
        "compare",
        help="measure recipes over several seeds and write the published figures",
        description="Recipes as they stand replace the published figures; those of recipes that are changed here go "
        "to `results` in the runs folder.",
    )
    compare.add_argument(
        "recipes", nargs="+", metavar="RECIPE", help="names or .toml files, or groups of recipes such as progress"
    )
    compare.add_argument(
        "--seeds", type=int, metavar="N", help="seeds 1 to N (default: 3, or what a group says of each recipe)"
    )
    compare.add_argument(
        "--width",
        type=float,
        metavar="FACTOR",
        help="of the channels of every architecture that has the option `width`; others stay as they are",
    )
    shared.add_changes(compare)
    shared.add_hardware(compare)
    shared.add_start(compare)
    shared.add_folders(compare)
    compare.add_argument(
        "--results-dir", type=Path, metavar="FOLDER", help="where the figures go (default: with the recipes)"
    )
    compare.set_defaults(run=shared.lazily("compare", "compare"))
