"""Everything that was measured on one model, in one value, and that value as JSON."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter

from service.artifact import Evaluation, Precision
from training.assessment.by_class import ClassScore
from training.assessment.latency import Latency
from training.assessment.mistakes import Mistake
from training.assessment.robustness import Robustness
from training.publication.calibration import ConfidenceBin


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Which file was put to the test, and what its publisher had measured.

    Args:
        name: Of the model.
        version: Of the model.
        file: In its folder.
        precision: Of its weights.
        sha256: Of its bytes.
        bytes: Their number.
        architecture: Name of the network; None where the manifest does not say.
        published_top1_error: In the manifest; None where it does not say.
        published_on: Data set and split of that figure.

    """

    name: str
    version: int
    file: str
    precision: Precision
    sha256: str
    bytes: int
    architecture: str | None
    published_top1_error: float | None
    published_on: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What was measured; errors and intervals are shares in 0..1.

    Args:
        subject: Which model.
        data_source: Folder or Hub name of the pictures.
        remarks: What was left out of the data or decided about it, in sentences.
        evaluation: Top-1 and top-5 error with intervals, calibration error.
        classes: One per class, in the order of the model's labels.
        confusion: Pictures by true class (rows) and first guess (columns), in the same order.
        calibration: Bins of confidence that hold any picture.
        mistakes: The surest ones.
        robustness: None where it was not asked for.
        latency: Of single pictures.
        versions: Library to version.

    """

    subject: Subject
    data_source: str
    remarks: tuple[str, ...]
    evaluation: Evaluation
    classes: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]
    calibration: tuple[ConfidenceBin, ...]
    mistakes: tuple[Mistake, ...]
    robustness: Robustness | None
    latency: Latency
    versions: dict[str, str]

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names in the model's order."""
        return tuple(score.label for score in self.classes)

    @property
    def wrong(self) -> int:
        """Number of pictures whose first guess is wrong."""
        return sum(score.wrong for score in self.classes)


_ADAPTER: TypeAdapter[Assessment] = TypeAdapter(Assessment)


def as_json(assessment: Assessment) -> bytes:
    """Write an assessment as JSON that ends in a newline."""
    return _ADAPTER.dump_json(assessment, indent=2) + b"\n"
