"""`training.figures.curves`: the best epoch is the one that was exported."""

from __future__ import annotations

from training.figures.canvas import as_png
from training.figures.curves import learning_curves_figure
from training.learning.history import EpochRecord


def test_curves_mark_the_best_epoch() -> None:
    """The one that was exported: lowest validation error."""
    errors = [0.5, 0.2, 0.3]
    records = [
        EpochRecord(
            epoch=epoch,
            learning_rate=0.1,
            training_loss=error,
            training_error=error,
            validation_loss=error,
            validation_error=error,
            seconds=1,
            pictures_per_s=1,
        )
        for epoch, error in enumerate(errors, start=1)
    ]
    figure = learning_curves_figure(records)
    assert "best epoch 2: 20.0 %" in figure.axes[1].get_title()
    assert figure.axes[1].lines[-1].get_xydata().tolist() == [[2.0, 0.2]]  # type: ignore[union-attr]  # a line of one point
    assert as_png(learning_curves_figure(records[:1])).startswith(b"\x89PNG")
