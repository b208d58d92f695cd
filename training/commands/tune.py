"""A recipe searched: this process becomes one worker on a study."""

from __future__ import annotations

import argparse

from training.commands.shared import experiment_of, settings_of
from training.interruption import Interruption
from training.learning.devices import DeviceChoice, start
from training.learning.progress import ConsoleReporter
from training.recipe_file import find_recipe, read_tables
from training.search.session import Request, work

_INTERRUPTED = 130  # 128 + SIGINT, as shells count


def tune(parsed: argparse.Namespace) -> int:
    """Work on a study until it has its trials, and write its report."""
    experiment = experiment_of(parsed.recipe, parsed, seed=parsed.seed)
    request = Request(
        study=parsed.study or f"{experiment.name}-{parsed.sampler}".lower(),
        experiment=experiment,
        tables=read_tables(find_recipe(parsed.recipe), changes=experiment.changes),
        additions=parsed.space,
        sampler=parsed.sampler,
        pruner=parsed.pruner,
        trials=parsed.trials,
        timeout_s=None if parsed.timeout is None else 60 * parsed.timeout,
        storage=parsed.storage,
    )
    precision = parsed.precision or experiment.recipe.training.precision
    fabric = start(DeviceChoice(device=parsed.device, processes=1, precision=precision))
    teller = ConsoleReporter()
    try:
        with Interruption() as interruption:
            work(
                request,
                settings=settings_of(parsed),
                fabric=fabric,
                teller=teller,
                wants_to_stop=lambda: interruption.requested,
            )
    finally:
        teller.close()
    if interruption.requested:
        teller.say("Stopped. The same command goes on from here.")
        return _INTERRUPTED
    return 0
