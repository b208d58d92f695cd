"""The story of an assessment in order: predict, score, look at the mistakes, change the pictures, take the time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from service.engine.session import Session
from training.assessment.by_class import class_scores
from training.assessment.latency import Latency, measure_latency
from training.assessment.mistakes import surest_mistakes
from training.assessment.pixels import pixels_of
from training.assessment.record import Assessment, Subject
from training.assessment.robustness import Robustness, draw_sample, measure_robustness
from training.environment import hardware, versions
from training.publication.calibration import reliability
from training.publication.published import KnownPictures, PublishedModel
from training.publication.scores import confusion, evaluation_of

_MISTAKES = 24
_TIMED_PICTURES = 200

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How thorough to be.

    Args:
        robustness_pictures: Size of the sample that is changed in every way; 0 leaves robustness out.
        seed: Of samples and changes.
        threads: Of one run of the network.

    """

    robustness_pictures: int = 1000
    seed: int = 0
    threads: int = 1


@dataclass(frozen=True, slots=True)
class Assessed:
    """What came out, and the pictures that belong to it.

    Args:
        assessment: All figures.
        mistaken: Pixels_HWC of each of its mistakes, in their order.

    """

    assessment: Assessment
    mistaken: tuple[NDArray[np.uint8], ...]


def assess(
    model: PublishedModel,
    pictures: KnownPictures,
    *,
    options: Options,
    tell: Tell = lambda _: None,
) -> Assessed:
    """Measure everything there is to say about a model on pictures of known class.

    Args:
        model: The model.
        pictures: In its order of classes.
        options: How thorough to be.
        tell: Told what is being done.

    Raises:
        DataError: A picture cannot be read, or there is none.
        ArtifactError: The model's file is not the one that was published.

    """
    manifest, session = model.manifest, model.load(threads=options.threads)
    tell(f"classifying the {pictures.split} pictures of {pictures.dataset.source}")
    predictions = model.predict(session, pictures)
    probabilities_NK, labels_N = predictions.probabilities_NK, predictions.labels_N
    counts_KK = confusion(probabilities_NK, labels_N)
    mistakes = surest_mistakes(predictions, manifest.labels, count=_MISTAKES)
    steps = manifest.input.preprocessing
    mistaken = pictures.select(mistake.number for mistake in mistakes)
    assessment = Assessment(
        subject=_subject(model),
        data_source=pictures.dataset.source,
        remarks=pictures.dataset.notes(),
        evaluation=evaluation_of(probabilities_NK, labels_N, dataset=pictures.dataset.name, split=pictures.split),
        classes=class_scores(counts_KK, manifest.labels),
        confusion=tuple(tuple(row) for row in counts_KK.tolist()),
        calibration=reliability(probabilities_NK, labels_N),
        mistakes=mistakes,
        latency=_latency(model, pictures, n=len(labels_N), options=options, tell=tell),
        robustness=_robustness(model, session, pictures, n=len(labels_N), options=options, tell=tell),
        versions=versions(),
    )
    return Assessed(assessment, tuple(pixels_of(example, steps=steps) for example in mistaken.values()))


def _latency(model: PublishedModel, pictures: KnownPictures, *, n: int, options: Options, tell: Tell) -> Latency:
    """Load the model once more, so that the time is that of a fresh session and of nothing that ran before."""
    chosen = draw_sample(n, count=_TIMED_PICTURES, seed=options.seed)
    tell(f"timing {len(chosen)} single pictures")
    return measure_latency(
        model.load(threads=options.threads),
        list(pictures.select(chosen).values()),
        spec=model.manifest.input,
        output=model.manifest.output,
        threads=options.threads,
        hardware=hardware(torch.device("cpu"), processes=1),
        clock=time.perf_counter,
    )


def _robustness(
    model: PublishedModel, session: Session, pictures: KnownPictures, *, n: int, options: Options, tell: Tell
) -> Robustness | None:
    chosen = draw_sample(n, count=options.robustness_pictures, seed=options.seed)
    if not chosen:
        return None
    tell(f"changing {len(chosen)} pictures in every way")
    return measure_robustness(
        session,
        pictures.select(chosen),
        spec=model.manifest.input,
        output=model.manifest.output,
        of=n,
        seed=options.seed,
        tell=lambda change: tell(f"  {change}"),
    )


def _subject(model: PublishedModel) -> Subject:
    manifest, variant = model.manifest, model.variant
    evaluation = manifest.evaluation
    return Subject(
        name=manifest.name,
        version=manifest.version,
        file=variant.file,
        precision=variant.precision,
        sha256=variant.sha256,
        bytes=variant.bytes,
        architecture=manifest.architecture.name if manifest.architecture else None,
        published_top1_error=variant.top1_error,
        published_on=f"{evaluation.dataset} {evaluation.split}" if evaluation else None,
    )
