"""Recipes run: one seed, or several for published figures."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from training.commands.shared import experiment_of, from_where, on_device, settings_of
from training.durable import write_durably
from training.errors import TrainingError
from training.experiment import Experiment, RunFolder
from training.pipeline import Start, prepare, run
from training.progress import ConsoleReporter, SilentReporter
from training.publish import require_free
from training.recipe_file import find_recipe
from training.release import publish_run
from training.report import Report, read_report
from training.results import (
    RESULTS_DIR,
    Results,
    all_results,
    read_results,
    table,
    with_heading,
    write_results,
)
from training.settings import Settings

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
                dataset=splits.dataset,
                results=read_results(experiment.name),
                version=parsed.version,
                teller=teller,
            )

    return on_device(parsed, work, recipes=[experiment.recipe])


def compare(parsed: argparse.Namespace) -> int:
    """Run several seeds of each recipe and replace the published figures."""
    settings, folder = settings_of(parsed), parsed.results_dir or RESULTS_DIR
    if parsed.seeds < 1:
        raise TrainingError(f"--seeds must be at least 1, not {parsed.seeds}.")
    firsts = [experiment_of(recipe, parsed, seed=1) for recipe in parsed.recipes]

    def work(fabric: Fabric, teller: ConsoleReporter | SilentReporter) -> None:
        for first, recipe in zip(firsts, parsed.recipes, strict=True):
            reports = _seeds(first, parsed, fabric=fabric, settings=settings, teller=teller)
            if reports:
                results = Results.of(first.name, reports)
                teller.say(f"{write_results(results, folder=folder)}: {results.heading().removeprefix('# ')}")
                if parsed.results_dir is None:
                    _write_heading(find_recipe(recipe), results)
        teller.say("\n" + table(all_results(folder=folder)))

    return on_device(parsed, work, recipes=[first.recipe for first in firsts])


def _seeds(
    first: Experiment,
    parsed: argparse.Namespace,
    *,
    fabric: Fabric,
    settings: Settings,
    teller: ConsoleReporter | SilentReporter,
) -> list[Report]:
    """Run every seed; a resumed comparison keeps the runs that are finished."""
    splits = prepare(first, settings=settings, teller=teller)
    reports = []
    for seed in range(1, parsed.seeds + 1):
        experiment = dataclasses.replace(first, seed=seed)
        folder = RunFolder.of(experiment, runs_dir=settings.runs_dir)
        teller.say(f"{experiment.name}, seed {seed} of {parsed.seeds}")
        report = _finished(experiment, folder, fingerprint=splits.fingerprint) if parsed.resume else None
        begin = Start.ANEW if parsed.resume and not folder.is_unfinished else from_where(parsed)
        report = report or run(experiment, splits=splits, fabric=fabric, settings=settings, teller=teller, start=begin)
        reports += [report] if report else []
    return reports


def _finished(experiment: Experiment, folder: RunFolder, *, fingerprint: str) -> Report | None:
    """Find the report of this very experiment, if it came so far."""
    if not folder.report.exists():
        return None
    report = read_report(folder.report)
    same = report.recipe_digest == experiment.digest and report.provenance.data_fingerprint == fingerprint
    return report if same else None


def _write_heading(path: Path, results: Results) -> None:
    write_durably(path, with_heading(path.read_text(encoding="utf-8"), results).encode())
