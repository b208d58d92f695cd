"""`training.learning.history`: the best epoch, and the log."""

from __future__ import annotations

import csv
import io

from training.learning.history import EpochRecord, as_csv, best_of


def _record(epoch: int, *, error: float, loss: float = 1.0) -> EpochRecord:
    return EpochRecord(
        epoch=epoch,
        learning_rate=0.1,
        training_loss=0.5,
        training_error=0.25,
        validation_loss=loss,
        validation_error=error,
        seconds=1.5,
        pictures_per_s=100.0,
    )


def test_best_epoch_has_the_lowest_error_then_the_lower_loss_then_came_first() -> None:
    """Ties are settled by rule, so that a resumed run settles them alike."""
    records = [
        _record(1, error=0.3),
        _record(2, error=0.2, loss=0.9),
        _record(3, error=0.2, loss=0.8),
        _record(4, error=0.2, loss=0.8),
    ]
    assert best_of(records).epoch == 3


def test_log_has_a_heading_and_one_line_per_epoch() -> None:
    """Any spreadsheet reads it."""
    rows = list(csv.DictReader(io.StringIO(as_csv([_record(1, error=0.3), _record(2, error=0.2)]).decode())))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert rows[1]["validation_error"] == "0.2"
