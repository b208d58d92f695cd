"""Finished runs exported again, published, and shown as a table."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING

from training.commands.shared import experiment_of, settings_of
from training.data import open_data
from training.durable import write_durably
from training.errors import TrainingError
from training.finish import finish
from training.pipeline import prepare
from training.progress import ConsoleReporter
from training.release import publish_run
from training.report import best_seed
from training.results import (
    all_results,
    read_results,
    table,
    with_table,
)

if TYPE_CHECKING:
    pass


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
        dataset=open_data(experiment.recipe.data.name, settings=settings),
        results=read_results(experiment.name),
        version=parsed.version,
        teller=teller,
    )
    return 0


def show_table(parsed: argparse.Namespace) -> int:
    """Print the published figures, or put them into documents."""
    rows = all_results()
    if not parsed.write:
        ConsoleReporter().say(table(rows))
    for path in parsed.write:
        try:
            write_durably(path, with_table(path.read_text(encoding="utf-8"), rows).encode())
        except OSError as error:
            raise TrainingError(f"{path}: {error.strerror}") from error
    return 0
