"""Declares series under the project's prefix: in this process alone, or counted together with other workers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from service.telemetry.shared_series import LEAST, MOST, SUM, OverWorkers, SharedSeries

__all__ = ["LEAST", "MOST", "SUM", "Declaring", "OverWorkers"]

PREFIX: Final = "convserve_"


class Declaring:
    """Makes metrics in a registry.

    Args:
        registry: Which shows them.
        shared: What this worker counts together with others, None where there are no others.

    """

    def __init__(self, registry: CollectorRegistry, *, shared: SharedSeries | None = None) -> None:
        self._registry = registry
        self._counter = shared.counter if shared else Counter
        self._gauge = shared.gauge if shared else Gauge
        self._histogram = shared.histogram if shared else Histogram

    def counter(self, name: str, text: str, labels: Iterable[str] = ()) -> Counter:
        """Declare a count, which is the sum over all workers."""
        return self._counter(f"{PREFIX}{name}", text, labels, registry=self._registry)

    def gauge(
        self,
        name: str,
        text: str,
        labels: Iterable[str] = (),
        *,
        over_workers: OverWorkers = MOST,
    ) -> Gauge:
        """Declare a reading.

        Args:
            name: Without the prefix.
            text: What it tells.
            labels: Their names.
            over_workers: How the readings of several workers become one.

        """
        return self._gauge(f"{PREFIX}{name}", text, labels, registry=self._registry, multiprocess_mode=over_workers)

    def histogram(self, name: str, text: str, labels: Iterable[str] = (), *, buckets: Sequence[float]) -> Histogram:
        """Declare a distribution, which is that of all workers together."""
        return self._histogram(f"{PREFIX}{name}", text, labels, buckets=buckets, registry=self._registry)
