"""How the error grows when pictures are not as the test pictures are: the same sample, changed in every way.

Pictures are drawn once by a seed and every change gets the same ones, so differences are those of the change. The
unchanged sample is scored along the same road, and its error is what the others are to be compared with.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.artifact import Input, Output
from service.engine.session import Session
from training.assessment.perturbations import PERTURBATIONS, Perturbation
from training.assessment.pixels import pixels_of, tensor_of
from training.data import Example
from training.publication.evaluation import classify
from training.publication.scores import error_with_interval, ranks


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The error under one change.

    Args:
        change: Kind of change.
        strength: In words.
        wrong: Number of pictures whose first guess is wrong.
        error: Their share.
        interval: Its 95 % interval.
        changed_guess: Share of pictures whose first guess is another than without the change.

    """

    change: str
    strength: str
    wrong: int
    error: float
    interval: tuple[float, float]
    changed_guess: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Robustness:
    """What changes do to a sample of the test pictures.

    Args:
        pictures: Size of the sample.
        of: Number of test pictures it was drawn from.
        seed: Of the draw and of every change.
        error: On the unchanged sample.
        interval: Its 95 % interval.
        outcomes: One per kind and strength.
        left_out: Kinds of change that this model cannot notice, and why.

    """

    pictures: int
    of: int
    seed: int
    error: float
    interval: tuple[float, float]
    outcomes: tuple[Outcome, ...]
    left_out: tuple[str, ...]


def draw_sample(n: int, *, count: int, seed: int) -> list[int]:
    """Draw the numbers of `count` of `n` pictures, all of them where there are fewer; rising."""
    numbers = np.random.default_rng(seed).permutation(n)[:count]
    return sorted(int(number) for number in numbers)


def measure_robustness(
    session: Session,
    sample: Mapping[int, Example],
    *,
    spec: Input,
    output: Output,
    of: int,
    seed: int,
    perturbations: Sequence[Perturbation] = PERTURBATIONS,
    tell: Callable[[str], None] = lambda _: None,
) -> Robustness:
    """Classify a sample unchanged and under every change.

    Args:
        session: The loaded model.
        sample: Pictures by their number in the split; at least one.
        spec: The manifest's input.
        output: The manifest's output.
        of: Size of the split.
        seed: Decides directions and noise; each picture has its own chance, whatever else is in the sample.
        perturbations: What to do to the pictures.
        tell: Told which change is at work.

    Raises:
        DataError: A picture cannot be read.

    """
    clean_NK, labels_N = _classified(session, sample, None, 0.0, spec=spec, output=output, seed=seed)
    error, interval = error_with_interval(_wrong(clean_NK, labels_N), len(labels_N))
    outcomes, left_out = [], []
    for perturbation in perturbations:
        if perturbation.name == "grey" and spec.channels == 1:
            left_out.append("grey: this model sees no colours")
            continue
        tell(perturbation.name)
        for strength, label in zip(perturbation.strengths, perturbation.labels, strict=True):
            changed_NK, _ = _classified(session, sample, perturbation, strength, spec=spec, output=output, seed=seed)
            outcomes.append(_outcome(changed_NK, clean_NK, labels_N, change=perturbation.name, strength=label))
    return Robustness(
        pictures=len(sample),
        of=of,
        seed=seed,
        error=error,
        interval=interval,
        outcomes=tuple(outcomes),
        left_out=tuple(left_out),
    )


def _classified(
    session: Session,
    sample: Mapping[int, Example],
    perturbation: Perturbation | None,
    strength: float,
    *,
    spec: Input,
    output: Output,
    seed: int,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    def tensors() -> Iterator[NDArray[np.float32] | NDArray[np.float16] | NDArray[np.uint8]]:
        for number, example in sample.items():
            pixels_HWC = pixels_of(example, steps=spec.preprocessing)
            if perturbation is not None:
                chance = np.random.default_rng([seed, zlib.crc32(perturbation.name.encode()), number])
                pixels_HWC = perturbation.change(pixels_HWC, strength, chance)
            yield tensor_of(pixels_HWC, spec=spec)

    labels_N = np.array([example.label for example in sample.values()], dtype=np.int64)
    return classify(session, tensors(), output=output), labels_N


def _outcome(
    changed_NK: NDArray[np.float32],
    clean_NK: NDArray[np.float32],
    labels_N: NDArray[np.int64],
    *,
    change: str,
    strength: str,
) -> Outcome:
    wrong = _wrong(changed_NK, labels_N)
    error, interval = error_with_interval(wrong, len(labels_N))
    return Outcome(
        change=change,
        strength=strength,
        wrong=wrong,
        error=error,
        interval=interval,
        changed_guess=float((changed_NK.argmax(axis=1) != clean_NK.argmax(axis=1)).mean()),
    )


def _wrong(probabilities_NK: NDArray[np.float32], labels_N: NDArray[np.int64]) -> int:
    return int((ranks(probabilities_NK, labels_N) >= 1).sum())
