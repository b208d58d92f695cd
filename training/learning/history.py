"""What every epoch brought: records, and the log file made of them."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRecord:
    """One pass over the training pictures and the validation after it; errors are shares in 0..1.

    Args:
        epoch: From 1.
        learning_rate: Of its last step.
        training_loss: Mean over the epoch, while the weights moved.
        training_error: Share of wrong first guesses, likewise.
        validation_loss: After the epoch.
        validation_error: After the epoch.
        seconds: Wall-clock time, validation included.
        pictures_per_s: Training pictures by training time.

    """

    epoch: int
    learning_rate: float
    training_loss: float
    training_error: float
    validation_loss: float
    validation_error: float
    seconds: float
    pictures_per_s: float


def best_of(records: Iterable[EpochRecord]) -> EpochRecord:
    """Choose the epoch with the lowest validation error; of equal ones the lower loss, then the earlier."""
    return min(records, key=lambda record: (record.validation_error, record.validation_loss, record.epoch))


def as_csv(records: Iterable[EpochRecord]) -> bytes:
    """Write records as CSV with a heading."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [field.name for field in dataclasses.fields(EpochRecord)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(dataclasses.asdict(record) for record in records)
    return text.getvalue().encode()
