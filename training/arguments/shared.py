"""Arguments that several commands take, and the late import of what a command does."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse gives it no public name

Run = Callable[[argparse.Namespace], int]


def lazily(group: str, name: str) -> Run:
    """Import a command, and with it torch, only when it is run.

    Args:
        group: A module of `training/commands`.
        name: A function of it.

    """

    def run(parsed: argparse.Namespace) -> int:
        command: Run = getattr(importlib.import_module(f"training.commands.{group}"), name)
        return command(parsed)

    return run


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """Take a recipe and changes to it."""
    parser.add_argument("recipe", metavar="RECIPE", help="a name from training/recipes, or a .toml file")
    add_changes(parser)


def add_changes(parser: argparse.ArgumentParser) -> None:
    """Take changes of single values of recipes."""
    parser.add_argument("--data", metavar="NAME", help="data set: a folder, a known name or a Hugging Face Hub name")
    parser.add_argument("--epochs", type=int, metavar="N", help="passes over the training pictures")
    parser.add_argument("--threads", type=int, metavar="N", help="processor threads of each process")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="changes",
        metavar="KEY=VALUE",
        help="change a value of the recipe, for example optimizer.learning_rate=0.05; may be repeated",
    )


def add_seed(parser: argparse.ArgumentParser) -> None:
    """Take the seed of a run."""
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of every random number (default: 1)")


def add_hardware(parser: argparse.ArgumentParser) -> None:
    """Take where to train."""
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="one per device (default: 1)")
    parser.add_argument("--precision", help="32-true, bf16-mixed, 16-mixed ... (default: what the recipe says)")


def add_start(parser: argparse.ArgumentParser) -> None:
    """Take whether a run starts, continues or starts over."""
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--resume", action="store_true", help="continue an interrupted run")
    start.add_argument("--restart", action="store_true", help="start over, even if an unfinished run is lost")


def add_folders(parser: argparse.ArgumentParser) -> None:
    """Take where things lie."""
    folders = parser.add_argument_group("folders")
    folders.add_argument(
        "--data-dir", type=Path, metavar="FOLDER", help="data sets (CONVSERVE_DATA_DIR, default: data)"
    )
    folders.add_argument("--runs-dir", type=Path, metavar="FOLDER", help="runs (CONVSERVE_RUNS_DIR, default: runs)")
    folders.add_argument(
        "--models-dir", type=Path, metavar="FOLDER", help="published models (CONVSERVE_MODELS_DIR, default: models)"
    )
