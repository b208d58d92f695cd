"""Recipes, or groups of them, measured over several seeds."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from training.architectures import names, options_of
from training.commands.shared import experiment_of, from_where, on_device, settings_of
from training.comparison.group_table import group_figure, group_table
from training.comparison.groups import Group, find_group, group_of, group_results
from training.comparison.measuring import Entrant, measured
from training.durable import write_durably
from training.errors import TrainingError
from training.experiment import Experiment
from training.learning.progress import ConsoleReporter, SilentReporter
from training.recipe_file import find_recipe
from training.results.over_seeds import RESULTS_DIR, Results, all_results, write_results
from training.results.tables import table, with_heading

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_FIGURE_FILE = "error-against-multiply-adds.png"
_SEEDS = 3


def compare(parsed: argparse.Namespace) -> int:
    """Run several seeds of each recipe and replace the published figures, or write those of changed recipes apart."""
    settings = settings_of(parsed)
    if parsed.seeds is not None and parsed.seeds < 1:
        raise TrainingError(f"--seeds must be at least 1, not {parsed.seeds}.")
    entrants = [entrant for name in parsed.recipes for entrant in _entrants(name, parsed)]
    changed = any(entrant.experiment.changes for entrant in entrants)
    folder = parsed.results_dir or (settings.runs_dir / "results" if changed else RESULTS_DIR)

    def work(fabric: Fabric, teller: ConsoleReporter | SilentReporter) -> None:
        for entrant, results in measured(
            entrants, fabric=fabric, settings=settings, teller=teller, start=from_where(parsed)
        ):
            teller.say(f"{write_results(results, folder=folder)}: {results.heading().removeprefix('# ')}")
            if folder == RESULTS_DIR:
                _write_heading(entrant.path, results)
        if fabric.is_global_zero:
            for text in _tables(entrants, folder=folder):
                teller.say(f"\n{text}")

    return on_device(parsed, work, recipes=[entrant.experiment.recipe for entrant in entrants])


def figure_path(group: Group, *, folder: Path) -> Path:
    """Tell where the figure of a group lies: beside its results."""
    return folder.resolve() / group.name / _FIGURE_FILE


def draw_group(group: Group, *, folder: Path) -> None:
    """Write the figure of a group, unless nothing is measured yet."""
    png = group_figure(group, group_results(group, folder=folder))
    if png is not None:
        write_durably(figure_path(group, folder=folder), png)


def _entrants(name: str, parsed: argparse.Namespace) -> list[Entrant]:
    """Give the recipes of a group, or the one recipe of that name."""
    group = find_group(name)
    if group is None:
        return [Entrant(_experiment(name, parsed), parsed.seeds or _SEEDS, find_recipe(name))]
    return [
        Entrant(
            _experiment(str(group.path_of(member)), parsed),
            parsed.seeds or member.seeds,
            group.path_of(member),
        )
        for member in group.members
    ]


def _experiment(recipe: str, parsed: argparse.Namespace) -> Experiment:
    """Read a recipe with the changes that were asked for; a width applies where the architecture has one."""
    experiment = experiment_of(recipe, parsed, seed=1)
    architecture = experiment.recipe.network.architecture
    if parsed.width is not None and architecture in names() and "width" in options_of(architecture):
        changes = [*parsed.changes, f"network.options.width={parsed.width}"]
        experiment = experiment_of(recipe, argparse.Namespace(**{**vars(parsed), "changes": changes}), seed=1)
    return experiment


def _tables(entrants: list[Entrant], *, folder: Path) -> list[str]:
    """Write what is measured so far: a table for each group with its figure, and one for all that stands alone."""
    groups = [group_of(entrant.path) for entrant in entrants]
    texts = [table(all_results(folder=folder))] if None in groups else []
    for group in {group.name: group for group in groups if group is not None}.values():
        draw_group(group, folder=folder)
        text = group_table(group, group_results(group, folder=folder))
        texts.append(f"{text}\n{figure_path(group, folder=folder)}")
    return texts


def _write_heading(path: Path, results: Results) -> None:
    write_durably(path, with_heading(path.read_text(encoding="utf-8"), results).encode())
