"""`training.figures.reliability`: bins are drawn where their pictures are."""

from __future__ import annotations

from matplotlib.container import ErrorbarContainer

from training.figures.reliability import reliability_figure
from training.publication.calibration import ConfidenceBin


def test_reliability_draws_accuracy_against_confidence() -> None:
    """Each bin at its mean confidence, with its interval and its number of pictures."""
    bins = [
        ConfidenceBin(low=0.4, high=0.5, n=4, confidence=0.45, accuracy=0.5, interval=(0.15, 0.85)),
        ConfidenceBin(low=0.9, high=1.0, n=90, confidence=0.97, accuracy=0.95, interval=(0.89, 0.98)),
    ]
    figure = reliability_figure(bins, calibration_error=0.0212)
    above, below = figure.axes
    (measured,) = [part for part in above.containers if isinstance(part, ErrorbarContainer)]
    assert measured.lines[0].get_xydata().tolist() == [[0.45, 0.5], [0.97, 0.95]]  # type: ignore[union-attr]  # a line
    assert [bar.get_height() for bar in below.patches] == [4, 90]  # type: ignore[attr-defined]  # bars are rectangles
    assert "2.12 %" in above.get_title()
