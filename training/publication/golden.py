"""Golden samples: a few pictures that travel with a model, and the probabilities it must give for them anywhere."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.artifact import GoldenSample, Input, Output, Precision
from service.engine.preprocessing import decode
from service.engine.session import Session
from training.data import Example
from training.data.preprocessing import MAX_PIXELS
from training.publication.evaluation import Predictions, predict

TOLERANCE = 1e-4  # room for other processors: on one machine threads (1, 2) and batches (1, 250) changed nothing
_SURE = 0.95


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture to publish.

    Args:
        example: Its bytes, as they are in the data set.
        file: Path inside the model folder.

    """

    example: Example
    file: str


def choose_samples(examples: Sequence[Example], predictions: Predictions, *, labels: Sequence[str]) -> list[Sample]:
    """Take one picture per class: the first one that is classified correctly with certainty.

    A class of which no picture is classified so gives its surest correct one; without any correct one it gives none.

    Args:
        examples: What was predicted, in order.
        predictions: On these examples.
        labels: Class names.

    """
    samples = []
    confidence_N = predictions.probabilities_NK.max(axis=1)
    right_N = predictions.probabilities_NK.argmax(axis=1) == predictions.labels_N
    for index, label in enumerate(labels):
        candidates = np.flatnonzero(right_N & (predictions.labels_N == index))
        if not len(candidates):
            continue
        sure = candidates[confidence_N[candidates] >= _SURE]
        chosen = sure[0] if len(sure) else candidates[confidence_N[candidates].argmax()]
        example = examples[int(chosen)]
        samples.append(Sample(example, f"samples/{file_stem(label)}.{_extension(example)}"))
    return samples


def choose_foreign_samples(
    examples: Sequence[Example], predictions: Predictions, *, names: Sequence[str], count: int = 6
) -> list[Sample]:
    """Take pictures of another data set: what they show is none of the model's classes, its answers tell as much.

    The surest picture of each class that the model answers with is taken, so that the samples differ.

    Args:
        examples: What was predicted, in order.
        predictions: On these examples.
        names: Class names of the other set; a sample's file is called after what it shows.
        count: At most so many.

    """
    answers_N, confidence_N = predictions.probabilities_NK.argmax(axis=1), predictions.probabilities_NK.max(axis=1)
    surest = [
        int(max(np.flatnonzero(answers_N == answer), key=lambda index: confidence_N[index]))
        for answer in np.unique(answers_N)
    ]
    chosen = sorted(surest, key=lambda index: -confidence_N[index])[:count]
    stems = [file_stem(names[examples[index].label]) for index in chosen]
    return [
        Sample(examples[index], f"samples/{_numbered(stems, place)}.{_extension(examples[index])}")
        for place, index in enumerate(chosen)
    ]


def _numbered(stems: Sequence[str], place: int) -> str:
    """Tell equal names apart by a number from the second on."""
    before = stems[:place].count(stems[place])
    return f"{stems[place]}-{before + 1}" if before else stems[place]


def golden_sample(
    sample: Sample, *, session: Session, spec: Input, output: Output, precision: Precision
) -> GoldenSample:
    """Write down what a model gives for a picture on its own."""
    probabilities_K = predict(session, [sample.example], spec=spec, output=output).probabilities_NK[0]
    return GoldenSample(
        file=sample.file,
        sha256=hashlib.sha256(sample.example.encoded).hexdigest(),
        probabilities={precision: tuple(min(1.0, float(value)) for value in probabilities_K)},
        tolerance=TOLERANCE,
    )


def file_stem(label: str) -> str:
    """Make a file name of a class name: 'Ankle boot' becomes 'ankle-boot'."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or f"class-{hashlib.sha256(label.encode()).hexdigest()[:8]}"


def _extension(example: Example) -> str:
    name = decode(example.encoded, max_pixels=MAX_PIXELS).format.lower()
    return "jpg" if name == "jpeg" else name
