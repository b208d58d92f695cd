"""The command `tune`: a search for the values of a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.arguments import shared

if TYPE_CHECKING:
    import argparse

    from training.arguments.shared import Subparsers


def add(commands: Subparsers) -> None:
    """Add the command."""
    tune = commands.add_parser("tune", help="search for better values of a recipe, on the validation pictures alone")
    shared.add_recipe(tune)
    _add_search(tune)
    _add_study(tune)
    shared.add_seed(tune)
    tune.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    tune.add_argument("--precision", help="32-true, bf16-mixed, 16-mixed ... (default: the recipe's)")
    shared.add_folders(tune)
    tune.set_defaults(run=shared.lazily("tune", "tune"))


def _add_search(tune: argparse.ArgumentParser) -> None:
    tune.add_argument(
        "--space",
        action="append",
        default=[],
        metavar="KEY=VALUES",
        help="what to try, beside the recipe's [search] table, like 'optimizer.learning_rate={low=0.01, high=1, "
        "log=true}' or 'network.options.hidden={choices=[50, 100]}'; may be repeated",
    )
    tune.add_argument(
        "--sampler",
        default="tpe",
        metavar="NAME",
        help="grid, random, tpe (Parzen estimator) or gp (Gaussian process) (default: tpe)",
    )
    tune.add_argument(
        "--pruner",
        default="median",
        metavar="NAME",
        help="what stops hopeless trials early: median, halving or none (default: median)",
    )
    tune.add_argument(
        "--trials",
        type=int,
        default=20,
        metavar="N",
        help="of the whole study, over all workers and restarts (default: 20)",
    )
    tune.add_argument("--timeout", type=float, metavar="MINUTES", help="begin no trial after this time")


def _add_study(tune: argparse.ArgumentParser) -> None:
    tune.add_argument(
        "--study", metavar="NAME", help="the same name goes on with a search, also at once (default: RECIPE-SAMPLER)"
    )
    tune.add_argument(
        "--storage",
        metavar="ADDRESS",
        help="journal:FILE for workers on one machine, sqlite:///FILE for one worker, postgresql://user@host/database "
        "for workers on many (default: a journal in the runs folder)",
    )
