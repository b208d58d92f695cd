"""The one way in which quantisation itself can fail; a file that misses the gate is a result and no error."""

from __future__ import annotations

from training.errors import TrainingError


class QuantizationError(TrainingError):
    """A network that cannot be written in the precision that was asked for."""
