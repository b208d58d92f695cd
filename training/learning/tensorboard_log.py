"""The figures of each epoch as TensorBoard reads them, beside the log file; the only user of `tensorboard`.

tensorboard --logdir runs
"""

from __future__ import annotations

from pathlib import Path

from training.learning.history import EpochRecord
from training.learning.loop import Totals

_TAGS = {
    "loss/training": "training_loss",
    "loss/validation": "validation_loss",
    "error/training": "training_error",
    "error/validation": "validation_error",
    "learning_rate": "learning_rate",
    "pictures_per_s": "pictures_per_s",
}


class TensorBoardLog:
    """Hears how a run goes and writes it down; what an earlier try wrote for the same epochs is hidden.

    Args:
        folder: Where the event files go.

    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def epoch_begins(self, epoch: int, *, epochs: int, steps: int, first_step: int, batch_size: int) -> None:
        """Write nothing."""

    def step_done(self, totals: Totals) -> None:
        """Write nothing."""

    def epoch_ends(self, record: EpochRecord, *, best: bool) -> None:  # noqa: ARG002  see training.fit.Reporter
        """Add a point to each curve."""
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415  importing it takes a second

        with SummaryWriter(str(self._folder), purge_step=record.epoch) as writer:
            for tag, field in _TAGS.items():
                writer.add_scalar(tag, getattr(record, field), record.epoch)
