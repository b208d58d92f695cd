"""Finished runs exported again, published, and shown as a table."""

from __future__ import annotations

import argparse
import dataclasses
import os
from pathlib import Path

from training.commands.compare import draw_group, figure_path
from training.commands.shared import experiment_of, settings_of
from training.comparison.group_table import group_table
from training.comparison.groups import Group, group_results, require_group
from training.data import open_data
from training.data.splits import as_recipe_says
from training.durable import write_durably
from training.errors import TrainingError
from training.finish import finish
from training.learning.progress import ConsoleReporter
from training.pipeline import prepare
from training.release import publish_run
from training.results.over_seeds import RESULTS_DIR, all_results, read_results
from training.results.report import best_seed
from training.results.tables import between_marks, table


def export(parsed: argparse.Namespace) -> int:
    """Export and evaluate the best epoch of a run again."""
    settings, experiment = settings_of(parsed), experiment_of(parsed.recipe, parsed, seed=parsed.seed)
    teller = ConsoleReporter()
    splits = prepare(experiment, settings=settings, teller=teller)
    finish(experiment, splits=splits, settings=settings, teller=teller)
    return 0


def publish(parsed: argparse.Namespace) -> int:
    """Publish a finished run, by default that with the lowest validation error."""
    settings, teller = settings_of(parsed), ConsoleReporter()
    experiment = experiment_of(parsed.recipe, parsed, seed=parsed.seed or 1)
    if parsed.seed is None:
        seed = best_seed(experiment.name, digest=experiment.digest, runs_dir=settings.runs_dir)
        teller.say(f"{experiment.name}: seed {seed} has the lowest validation error")
        experiment = dataclasses.replace(experiment, seed=seed)
    publish_run(
        experiment,
        settings=settings,
        dataset=as_recipe_says(open_data(experiment.recipe.data.name, settings=settings), recipe=experiment.recipe),
        results=read_results(experiment.name),
        version=parsed.version,
        teller=teller,
    )
    return 0


def show_table(parsed: argparse.Namespace) -> int:
    """Print the published figures, or put them into documents; those of a group come with a figure."""
    folder = parsed.results_dir or RESULTS_DIR
    group = require_group(parsed.group) if parsed.group else None
    if group is not None:
        draw_group(group, folder=folder)
    if not parsed.write:
        ConsoleReporter().say(_table(group, folder=folder, document=None))
    for path in parsed.write:
        text = _table(group, folder=folder, document=path)
        try:
            document = path.read_text(encoding="utf-8")
            write_durably(path, between_marks(document, text, name=group.name if group else "training").encode())
        except OSError as error:
            raise TrainingError(f"{path}: {error.strerror}") from error
    return 0


def _table(group: Group | None, *, folder: Path, document: Path | None) -> str:
    """Write a table; in a document it shows the group's figure, where that lies as seen from there."""
    if group is None:
        return table(all_results(folder=folder))
    figure = figure_path(group, folder=folder)
    seen = Path(os.path.relpath(figure, document.resolve().parent)).as_posix() if document else None
    return group_table(group, group_results(group, folder=folder), figure=seen)
