"""What each command of `python -m training` does; `__main__.py` says what it is called and takes.

Every function gets the parsed arguments and gives an exit status. The work is done by `pipeline.py`; here, arguments
become its values.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from service.artifact import Evaluation
from service.errors import ConvserveError
from training.data import open_data
from training.devices import DeviceChoice, start
from training.durable import write_durably
from training.errors import InterruptedRunError, TrainingError
from training.experiment import Experiment, RunFolder
from training.pipeline import Start, finish, in_words, prepare, publish_run, run
from training.progress import ConsoleReporter, SilentReporter
from training.publish import require_free
from training.published import evaluate_published
from training.recipe_file import find_recipe, read_recipe
from training.report import Report, best_seed, read_report
from training.results import (
    RESULTS_DIR,
    Results,
    all_results,
    read_results,
    table,
    with_heading,
    with_table,
    write_results,
)
from training.settings import Settings, from_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from lightning_fabric import Fabric


def train(parsed: argparse.Namespace) -> int:
    """Train, export, evaluate and publish one seed of a recipe."""
    settings, experiment = _settings(parsed), _experiment(parsed.recipe, parsed, seed=parsed.seed)
    publication = experiment.recipe.publication if parsed.publish else None
    if publication is not None and parsed.version is not None:
        require_free(settings.models_dir, name=publication.model, version=parsed.version)  # not after hours of work

    def work(fabric: Fabric, teller: ConsoleReporter | SilentReporter) -> None:
        splits = prepare(experiment, settings=settings, teller=teller)
        report = run(
            experiment, splits=splits, fabric=fabric, settings=settings, teller=teller, start=_from_where(parsed)
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

    return _on_device(parsed, work)


def compare(parsed: argparse.Namespace) -> int:
    """Run several seeds of each recipe and replace the published figures."""
    settings, folder = _settings(parsed), parsed.results_dir or RESULTS_DIR
    if parsed.seeds < 1:
        raise TrainingError(f"--seeds must be at least 1, not {parsed.seeds}.")
    firsts = [_experiment(recipe, parsed, seed=1) for recipe in parsed.recipes]

    def work(fabric: Fabric, teller: ConsoleReporter | SilentReporter) -> None:
        for first, recipe in zip(firsts, parsed.recipes, strict=True):
            reports = _seeds(first, parsed, fabric=fabric, settings=settings, teller=teller)
            if reports:
                results = Results.of(first.name, reports)
                teller.say(f"{write_results(results, folder=folder)}: {results.heading().removeprefix('# ')}")
                if parsed.results_dir is None:
                    _write_heading(find_recipe(recipe), results)
        teller.say("\n" + table(all_results(folder=folder)))

    return _on_device(parsed, work)


def export(parsed: argparse.Namespace) -> int:
    """Export and evaluate the best epoch of a run again."""
    settings, experiment = _settings(parsed), _experiment(parsed.recipe, parsed, seed=parsed.seed)
    teller = ConsoleReporter()
    splits = prepare(experiment, settings=settings, teller=teller)
    finish(experiment, splits=splits, settings=settings, teller=teller)
    return 0


def evaluate(parsed: argparse.Namespace) -> int:
    """Score a published model through the serving path."""
    scores = evaluate_published(parsed.model, data=parsed.data, split=parsed.split, settings=_settings(parsed))
    as_json = json.dumps(TypeAdapter(Evaluation).dump_python(scores, mode="json"), indent=2)
    ConsoleReporter().say(as_json if parsed.json else in_words(scores))
    return 0


def publish(parsed: argparse.Namespace) -> int:
    """Publish a finished run, by default that with the lowest validation error."""
    settings, teller = _settings(parsed), ConsoleReporter()
    experiment = _experiment(parsed.recipe, parsed, seed=parsed.seed or 1)
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


def _on_device(parsed: argparse.Namespace, work: Callable[[Fabric, ConsoleReporter | SilentReporter], None]) -> int:
    """Start the processes that were asked for and do the work in each; only the first one talks."""
    fabric = start(DeviceChoice(device=parsed.device, processes=parsed.processes, precision=parsed.precision))
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
        begin = Start.ANEW if parsed.resume and not folder.is_unfinished else _from_where(parsed)
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


def _experiment(recipe: str, parsed: argparse.Namespace, *, seed: int) -> Experiment:
    path = find_recipe(recipe)
    changes = [f'data.name="{parsed.data}"'] if parsed.data else []
    changes += [f"training.epochs={parsed.epochs}"] if parsed.epochs is not None else []
    changes += [f"training.threads={parsed.threads}"] if parsed.threads is not None else []
    changes += parsed.changes
    return Experiment(path.stem, read_recipe(path, changes=changes), seed, tuple(changes))


def _settings(parsed: argparse.Namespace) -> Settings:
    return from_environment(data_dir=parsed.data_dir, runs_dir=parsed.runs_dir, models_dir=parsed.models_dir)


def _from_where(parsed: argparse.Namespace) -> Start:
    if parsed.resume:
        return Start.RESUMED
    return Start.RESTARTED if parsed.restart else Start.ANEW
