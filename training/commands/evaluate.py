"""A published model put to the test."""

from __future__ import annotations

import argparse
import sys

from training.assessment.assess import Options, assess
from training.assessment.document import summary
from training.assessment.files import PAGE_FILE, default_folder, write_assessment
from training.assessment.record import as_json
from training.commands.shared import settings_of
from training.data import Division
from training.learning.progress import ConsoleReporter
from training.publication.published import open_published, pictures_for


def evaluate(parsed: argparse.Namespace) -> int:
    """Assess a published model and write the report."""
    settings, teller = settings_of(parsed), ConsoleReporter()
    model = open_published(parsed.model, precision=parsed.precision, models_dir=settings.models_dir)
    pictures = pictures_for(
        model,
        data=parsed.data,
        split=parsed.split,
        settings=settings,
        division=_division(parsed),
    )
    options = Options(robustness_pictures=parsed.robustness, seed=parsed.seed, threads=parsed.threads)
    assessed = assess(model, pictures, options=options, tell=(lambda _: None) if parsed.json else teller.say)
    folder = parsed.out or default_folder(assessed.assessment.subject, runs_dir=settings.runs_dir)
    write_assessment(folder, assessed)
    if parsed.json:
        sys.stdout.write(as_json(assessed.assessment).decode())
    else:
        teller.say(f"{summary(assessed.assessment)}\n{folder / PAGE_FILE}")
    return 0


def _division(parsed: argparse.Namespace) -> Division | None:
    """Give how test pictures are put aside, where the command line says; otherwise the model's recipe does."""
    if parsed.split_seed is None and parsed.test_pictures is None:
        return None
    return Division(seed=1 if parsed.split_seed is None else parsed.split_seed, test_pictures=parsed.test_pictures)
