"""Recipes measured over several seeds, one after the other; finished runs are kept when a comparison is resumed.

Recipes that show the same pictures share them, so that a group of ten decodes its data set once. Knows no table and no
command line.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from training.assessment.latency import measure_latency
from training.data import Example
from training.data.splits import Splits
from training.environment import hardware
from training.errors import CheckpointError
from training.experiment import Experiment, RunFolder
from training.finish import finish
from training.pipeline import Start, Teller, prepare, run
from training.publication.evaluation import load_session
from training.results.over_seeds import Results, SinglePicture
from training.results.report import Report, read_report
from training.settings import Settings

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_TIMED_PICTURES = 200


@dataclass(frozen=True, slots=True)
class Entrant:
    """A recipe that takes part.

    Args:
        experiment: With seed 1.
        seeds: Runs, with seeds from 1 on.
        path: Of the recipe's file.

    """

    experiment: Experiment
    seeds: int
    path: Path


def measured(
    entrants: Sequence[Entrant], *, fabric: Fabric, settings: Settings, teller: Teller, start: Start
) -> Iterator[tuple[Entrant, Results]]:
    """Run every seed of every recipe, and give the figures of each recipe as soon as they are there.

    Args:
        entrants: In the order in which they run.
        fabric: Where; on its further processes nothing is given.
        settings: The folders.
        teller: Told how it goes.
        start: How unfinished runs are met; where resumed, finished ones are kept.

    """
    splits, shown = None, None
    for entrant in entrants:
        recipe = entrant.experiment.recipe
        if splits is None or shown != (recipe.data, recipe.picture, recipe.start):
            splits = prepare(entrant.experiment, settings=settings, teller=teller)
            shown = (recipe.data, recipe.picture, recipe.start)
        reports = _seeds(entrant, splits=splits, fabric=fabric, settings=settings, teller=teller, start=start)
        if reports and fabric.is_global_zero:
            folder = RunFolder.of(entrant.experiment, runs_dir=settings.runs_dir)
            single_picture = time_single_pictures(folder.model, reports[0], splits.test)
            yield entrant, Results.of(entrant.experiment.name, reports, single_picture=single_picture)


def time_single_pictures(model: Path, report: Report, examples: Sequence[Example]) -> SinglePicture:
    """Time an exported network on the processor with one thread, picture after picture, through the serving path.

    Args:
        model: The ONNX file.
        report: Of the run that made it.
        examples: At least one; the first 200 are shown.

    """
    latency = measure_latency(
        load_session(model.read_bytes(), spec=report.input, output=report.output),
        examples[:_TIMED_PICTURES],
        spec=report.input,
        output=report.output,
        threads=1,
        hardware=hardware(torch.device("cpu"), processes=1).partition(" (")[0],  # there stand torch's threads
        clock=time.perf_counter,
    )
    return SinglePicture(
        median_ms=latency.infer.median_ms, n=latency.n, threads=latency.threads, hardware=latency.hardware
    )


def _seeds(
    entrant: Entrant,
    *,
    splits: Splits,
    fabric: Fabric,
    settings: Settings,
    teller: Teller,
    start: Start,
) -> list[Report]:
    resumed, reports = start is Start.RESUMED, []
    for seed in range(1, entrant.seeds + 1):
        experiment = dataclasses.replace(entrant.experiment, seed=seed)
        folder = RunFolder.of(experiment, runs_dir=settings.runs_dir)
        teller.say(f"{experiment.name}, seed {seed} of {entrant.seeds}")
        report = (
            _finished(experiment, folder, splits=splits, fabric=fabric, settings=settings, teller=teller)
            if resumed
            else None
        )
        begin = Start.ANEW if resumed and not folder.is_unfinished else start
        report = report or run(experiment, splits=splits, fabric=fabric, settings=settings, teller=teller, start=begin)
        reports += [report] if report else []
    return reports


def _finished(
    experiment: Experiment, folder: RunFolder, *, splits: Splits, fabric: Fabric, settings: Settings, teller: Teller
) -> Report | None:
    """Find the report of this very experiment, if it came so far; what was trained alike is exported as it says now."""
    if not folder.report.exists():
        return None
    report = read_report(folder.report)
    if report.recipe_digest == experiment.digest and report.provenance.data_fingerprint == splits.fingerprint:
        return report
    if fabric.world_size > 1:
        return None  # an export is the work of one process, and the others would not know of it
    try:
        return finish(experiment, splits=splits, settings=settings, teller=teller)
    except CheckpointError:
        return None  # another recipe, or other pictures
