"""Arguments become values: what several commands need."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from service.errors import ConvserveError
from training.comparison.groups import recipe_name
from training.errors import InterruptedRunError, RecipeError
from training.experiment import Experiment
from training.learning.devices import DeviceChoice, start
from training.learning.progress import ConsoleReporter, SilentReporter
from training.pipeline import Start
from training.recipe import Recipe
from training.recipe_file import find_recipe, read_recipe
from training.settings import Settings, from_environment

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def on_device(
    parsed: argparse.Namespace,
    work: Callable[[Fabric, ConsoleReporter | SilentReporter], None],
    *,
    recipes: Sequence[Recipe],
) -> int:
    """Start the processes that were asked for and do the work in each; only the first one talks.

    Args:
        parsed: With device, processes and precision.
        work: What each process does.
        recipes: What is trained; all in the same precision.

    """
    precision = parsed.precision or _common_precision(recipes)
    fabric = start(DeviceChoice(device=parsed.device, processes=parsed.processes, precision=precision))
    teller = ConsoleReporter() if fabric.is_global_zero else SilentReporter()
    try:
        work(fabric, teller)
    except ConvserveError as error:
        if fabric.is_global_zero:
            raise
        # the first process tells; a status other than 0 from here ends it at once, so an orderly stop gives 0
        return 0 if isinstance(error, InterruptedRunError) else 2
    finally:
        teller.close()
    return 0


def experiment_of(recipe: str, parsed: argparse.Namespace, *, seed: int) -> Experiment:
    """Read the recipe that was asked for, with the changes that were."""
    path = find_recipe(recipe)
    changes = [f'data.name="{parsed.data}"'] if parsed.data else []
    changes += [f"training.epochs={parsed.epochs}"] if parsed.epochs is not None else []
    changes += [f"training.threads={parsed.threads}"] if parsed.threads is not None else []
    changes += parsed.changes
    return Experiment(recipe_name(path), read_recipe(path, changes=changes), seed, tuple(changes))


def settings_of(parsed: argparse.Namespace) -> Settings:
    """Find the folders."""
    return from_environment(data_dir=parsed.data_dir, runs_dir=parsed.runs_dir, models_dir=parsed.models_dir)


def from_where(parsed: argparse.Namespace) -> Start:
    """Tell how the run begins."""
    if parsed.resume:
        return Start.RESUMED
    return Start.RESTARTED if parsed.restart else Start.ANEW


def _common_precision(recipes: Sequence[Recipe]) -> str:
    found = sorted({recipe.training.precision for recipe in recipes})
    if len(found) > 1:
        raise RecipeError(
            f"These recipes differ in training.precision ({', '.join(found)}); run them one after the other, or force "
            "one with --precision."
        )
    return found[0]
