"""Constants that the metrics share: bucket edges and the closed sets of label values."""

from __future__ import annotations

from typing import Final

DURATION_BUCKETS: Final = (
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075,
    0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
SHARE_BUCKETS: Final = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
BATCH_BUCKETS: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)

STAGES: Final = ("read", "decode", "preprocess", "queue", "inference", "postprocess")
OUTCOMES: Final = ("ok", "bad_input", "rejected", "deadline", "cancelled", "error")
SHADOW_OUTCOMES: Final = ("agree", "differ", "skipped", "failed")
REJECTIONS: Final = ("full", "deadline", "draining", "cancelled", "rate_limit")

UNKNOWN_MODEL: Final = "_unknown"
MOST_COUNTED_CLASSES: Final = 50  # above this, a series per class costs more than it tells
