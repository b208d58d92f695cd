"""One seed of a recipe, from its pictures to the published model."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from training.commands.shared import experiment_of, from_where, on_device, settings_of
from training.data.splits import as_recipe_says
from training.learning.progress import ConsoleReporter, SilentReporter
from training.pipeline import prepare, run
from training.publication.publish import require_free
from training.release import publish_run
from training.results.over_seeds import read_results

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def train(parsed: argparse.Namespace) -> int:
    """Train, export, evaluate and publish one seed of a recipe."""
    settings, experiment = settings_of(parsed), experiment_of(parsed.recipe, parsed, seed=parsed.seed)
    publication = experiment.recipe.publication if parsed.publish else None
    if publication is not None and parsed.version is not None:
        require_free(settings.models_dir, name=publication.model, version=parsed.version)  # not after hours of work

    def work(fabric: Fabric, teller: ConsoleReporter | SilentReporter) -> None:
        splits = prepare(experiment, settings=settings, teller=teller)
        report = run(
            experiment, splits=splits, fabric=fabric, settings=settings, teller=teller, start=from_where(parsed)
        )
        if report is not None and publication is not None:
            publish_run(
                experiment,
                settings=settings,
                dataset=as_recipe_says(splits.dataset, recipe=experiment.recipe),
                results=read_results(experiment.name),
                version=parsed.version,
                teller=teller,
            )

    return on_device(parsed, work, recipes=[experiment.recipe])
