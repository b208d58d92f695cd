"""An assessment in figures: which there are, and the values that each of them shows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from training.assessment.assess import Assessed
from training.assessment.perturbations import PERTURBATIONS
from training.assessment.record import Assessment
from training.assessment.robustness import Robustness
from training.figures.canvas import as_png
from training.figures.confusion import confusion_figure
from training.figures.errors_by_class import errors_by_class_figure
from training.figures.mistakes import MistakenPicture, mistakes_figure
from training.figures.reliability import reliability_figure
from training.figures.robustness import Series, robustness_figure

CLASSES_FILE = "errors-by-class.png"
CONFUSION_FILE = "confusion.png"
CALIBRATION_FILE = "calibration.png"
MISTAKES_FILE = "mistakes.png"
ROBUSTNESS_FILE = "robustness.png"


def evaluation_figures(assessed: Assessed) -> dict[str, bytes]:
    """Draw an assessment.

    Args:
        assessed: With the pictures of its mistakes.

    Returns:
        File names to PNG bytes; without mistakes or robustness there is no figure of them.

    """
    assessment = assessed.assessment
    counts_KK = np.array(assessment.confusion, dtype=np.int64)
    files = {
        CLASSES_FILE: _errors_by_class(assessment),
        CONFUSION_FILE: as_png(confusion_figure(counts_KK, assessment.labels)),
        CALIBRATION_FILE: _calibration(assessment),
    }
    if assessment.mistakes:
        files[MISTAKES_FILE] = _mistakes(assessment, assessed.mistaken)
    if assessment.robustness is not None:
        files[ROBUSTNESS_FILE] = _robustness(assessment.robustness)
    return files


def _errors_by_class(assessment: Assessment) -> bytes:
    known = [
        (score.label, score.error, score.interval)
        for score in assessment.classes
        if score.error is not None and score.interval is not None
    ]
    labels, errors, intervals = zip(*known, strict=True)
    return as_png(
        errors_by_class_figure(labels, errors=errors, intervals=intervals, overall=assessment.evaluation.top1_error)
    )


def _calibration(assessment: Assessment) -> bytes:
    return as_png(reliability_figure(assessment.calibration, calibration_error=assessment.evaluation.calibration_error))


def _mistakes(assessment: Assessment, mistaken: Sequence[NDArray[np.uint8]]) -> bytes:
    pictures = [
        MistakenPicture(pixels_HWC, mistake.true, mistake.predicted, mistake.probability)
        for mistake, pixels_HWC in zip(assessment.mistakes, mistaken, strict=True)
    ]
    return as_png(mistakes_figure(pictures, wrong=assessment.wrong, n=assessment.evaluation.n))


def _robustness(robustness: Robustness) -> bytes:
    titles = {perturbation.name: perturbation.title for perturbation in PERTURBATIONS}
    series = []
    for change, group in groupby(robustness.outcomes, key=lambda outcome: outcome.change):
        outcomes = list(group)
        series.append(
            Series(
                title=titles[change],
                strengths=[outcome.strength for outcome in outcomes],
                errors=[outcome.error for outcome in outcomes],
                intervals=[outcome.interval for outcome in outcomes],
            )
        )
    return as_png(
        robustness_figure(
            series,
            clean_error=robustness.error,
            clean_interval=robustness.interval,
            pictures=robustness.pictures,
        )
    )
