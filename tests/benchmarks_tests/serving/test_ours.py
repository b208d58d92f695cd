"""`tests.benchmarks.serving.ours`: figures out of the service's own metrics."""

from __future__ import annotations

from tests.benchmarks.serving.ours import first_value

LINES = [
    "# HELP convserve_model_load_seconds Time.",
    'convserve_model_load_seconds_bucket{le="1"} 7.0',
    'convserve_model_load_seconds{model="resnet50",version="1"} 0.25',
    "convserve_drift 3.0",
]


def test_first_series_of_a_metric_is_found() -> None:
    """Neither a comment nor a longer name is taken for it."""
    assert first_value(LINES, "convserve_model_load_seconds") == 0.25
    assert first_value(LINES, "convserve_drift") == 3.0


def test_missing_metric_has_no_value() -> None:
    """A service that does not tell is no zero."""
    assert first_value(LINES, "convserve_model") is None
