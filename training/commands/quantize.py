"""A published model in fewer bits, as its next version."""

from __future__ import annotations

import argparse
import json
import sys

from training.commands.shared import settings_of
from training.errors import PublicationError, TrainingError
from training.learning.progress import ConsoleReporter
from training.publication.publish import require_free
from training.quantization import Options
from training.quantization.republishing import (
    Counts,
    PublishedFiles,
    pictures_of,
    publish_with_variant,
    quantize_published,
)


def quantize(parsed: argparse.Namespace) -> int:
    """Quantise, report, and publish what the gate accepted."""
    _require_positive(parsed, "calibration_pictures", "selection_pictures", "turns")
    options = _options(parsed)
    counts = Counts(calibration=parsed.calibration_pictures, selection=parsed.selection_pictures)
    settings, teller = settings_of(parsed), ConsoleReporter()

    def say(text: str) -> None:
        if parsed.json:
            print(text, file=sys.stderr)  # noqa: T201  - a report in JSON has standard output to itself
        else:
            teller.say(text)

    model = PublishedFiles.read(parsed.model, models_dir=settings.models_dir)
    if parsed.version is not None and not parsed.dry_run:
        home = model.folder.resolve().parent
        require_free(home.parent, name=home.name, version=parsed.version)  # not after minutes of work
    pictures = pictures_of(model, data=parsed.data, counts=counts, settings=settings)
    quantized = quantize_published(model, pictures=pictures, options=options, say=say)
    teller.say(json.dumps(quantized.report.as_json(), indent=2) if parsed.json else quantized.report.in_words())
    if quantized.network is None:
        raise PublicationError(
            f"The {options.precision} file was refused and nothing was published: "
            f"{'; '.join(quantized.report.objections)}. Keep the layers that hurt in float32 with --spare."
        )
    if not parsed.dry_run:
        say(f"published {publish_with_variant(model, quantized, version=parsed.version)}")
    return 0


def _options(parsed: argparse.Namespace) -> Options:
    if not 0 <= parsed.max_rise <= 1:
        raise TrainingError(f"--max-rise is a share between 0 and 1, not {parsed.max_rise}; half a point is 0.005.")
    calibrations = (parsed.calibration,) if parsed.calibration else Options().calibrations
    return Options(
        precision=parsed.precision,
        calibrations=calibrations,
        max_rise=parsed.max_rise,
        spare=tuple(parsed.spare),
        turns=parsed.turns,
    )


def _require_positive(parsed: argparse.Namespace, *names: str) -> None:
    for name in names:
        if getattr(parsed, name) < 1:
            raise TrainingError(f"--{name.replace('_', '-')} must be at least 1, not {getattr(parsed, name)}.")
