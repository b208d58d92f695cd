"""What was measured on a model, where it comes from, and the samples that prove it runs the same here.

Errors, shares and intervals are fractions in 0..1, never per cent.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from service.artifact.fields import STRICT, Count, FileName, Interval, Positive, Precision, Sha256, Share, Text


@dataclass(frozen=True, slots=True, config=STRICT)
class Variant:
    """One ONNX file of the model, with what was measured on it.

    Args:
        file: Name inside the model folder.
        sha256: Of the file's bytes, in lower-case hex.
        bytes: Size of the file.
        precision: Of the weights.
        top1_error: Share of evaluation pictures whose first guess is wrong, 0..1.
        top5_error: Share of evaluation pictures whose first five guesses are wrong, 0..1.
        evaluated: Number of evaluation pictures.
        largest_difference: Largest absolute difference of a logit from PyTorch's.

    """

    file: FileName
    sha256: Sha256
    bytes: Positive
    precision: Precision
    top1_error: Share | None = None
    top5_error: Share | None = None
    evaluated: Count | None = None
    largest_difference: float | None = None


@dataclass(frozen=True, slots=True, config=STRICT)
class Evaluation:
    """Scores of the default variant on pictures it never saw; errors and intervals are shares in 0..1.

    Args:
        dataset: Name of the data set.
        split: Part of it.
        n: Number of pictures.
        top1_error: Share of wrong first guesses.
        top1_interval: Its 95 % interval.
        top5_error: Share of pictures whose class is not among the first five guesses.
        top5_interval: Its 95 % interval.
        calibration_error: Expected calibration error.

    """

    dataset: Text
    split: Text
    n: Positive
    top1_error: Share
    top1_interval: Interval
    top5_error: Share
    top5_interval: Interval
    calibration_error: Share

    @model_validator(mode="after")
    def _agree(self) -> Evaluation:
        for low, high in (self.top1_interval, self.top5_interval):
            if low > high:
                raise ValueError(f"an interval runs from low to high, not from {low} to {high}")
        if self.top5_error > self.top1_error:
            facts = f"top5_error {self.top5_error} is above top1_error {self.top1_error}"
            raise ValueError(f"{facts}, and five guesses contain the first")
        return self


@dataclass(frozen=True, slots=True, config=STRICT)
class Histogram:
    """Counts between edges, as NumPy's: `counts[i]` lies in `[edges[i], edges[i + 1])`, the last bin closed.

    Args:
        edges: Rising bin edges, one more than bins.
        counts: Pictures per bin.

    """

    edges: tuple[float, ...]
    counts: tuple[Count, ...]

    @model_validator(mode="after")
    def _agree(self) -> Histogram:
        if len(self.edges) != len(self.counts) + 1 or list(self.edges) != sorted(set(self.edges)):
            raise ValueError("edges must rise and be one more than counts")
        return self


@dataclass(frozen=True, slots=True, config=STRICT)
class Reference:
    """What inputs and predictions looked like on the evaluation set, for telling drift later.

    Args:
        confidence: Histogram of the first guess's probability.
        class_shares: Share of first guesses per class, in label order; they sum to 1.
        brightness: Histogram of the mean input value per picture, 0..1 (before mean and std).

    """

    confidence: Histogram
    class_shares: tuple[Share, ...]
    brightness: Histogram


@dataclass(frozen=True, slots=True, config=STRICT)
class Architecture:
    """The network's name and size.

    Args:
        name: As in the training catalogue.
        paper: Title, authors and year.
        parameters: Trainable parameters.
        multiply_adds: Of convolutions and linear layers, for one picture.

    """

    name: Text
    paper: Text
    parameters: Count
    multiply_adds: Count


@dataclass(frozen=True, slots=True, config=STRICT)
class Provenance:
    """How to make this model again.

    Args:
        recipe: Recipe name.
        seed: Of every random number in the run.
        commit: Project commit, with `-dirty` where the tree had changes; empty outside a checkout.
        data_fingerprint: Hash over the training and validation pictures in order.
        versions: Library name to version.
        hardware: Processor or accelerator, and how many.
        minutes: Wall-clock time of training.
        changes: What was changed in the recipe for this run, like `training.epochs=2`.

    """

    recipe: Text
    seed: int
    commit: str
    data_fingerprint: Text
    versions: dict[str, str]
    hardware: Text
    minutes: Annotated[float, Field(ge=0.0)]
    changes: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True, config=STRICT)
class GoldenSample:
    """A picture with the probabilities that it must give on any machine.

    Args:
        file: Path inside the model folder, such as `samples/ankle-boot.png`.
        sha256: Of the file's bytes.
        probabilities: Precision of a variant to its probabilities, in label order.
        tolerance: Largest absolute difference of a probability that counts as the same.

    """

    file: FileName
    sha256: Sha256
    probabilities: dict[Precision, tuple[Share, ...]]
    tolerance: Annotated[float, Field(gt=0.0, lt=1.0)]
