"""Every Prometheus series of the service; with `model_metrics` the only importer of prometheus_client.

Labels come from closed sets (route templates, names in the model registry), and each series that can be known exists
from the start, so that `rate()` is right from the first event. Children are looked up once and kept, because `labels()`
costs more than counting. Each app owns its registry: two apps in one process do not share counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from service.telemetry.model_metrics import ModelMetrics
from service.telemetry.series import DURATION_BUCKETS, UNKNOWN_MODEL

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
UNMATCHED_ROUTE: Final = "_unmatched"
UNKNOWN_METHOD: Final = "_"

IMAGE_REJECTIONS: Final = ("unreadable", "format", "pixels")
_BYTE_BUCKETS: Final = tuple(float(4**power) for power in range(4, 14))  # 256 B .. 64 MiB
_PIXEL_BUCKETS: Final = tuple(float(4**power) for power in range(4, 14))  # 16x16 .. 64 million


class Metrics:
    """The series of one app; per-model series are reached through `model`."""

    def __init__(self, *, version: str, runtime: Mapping[str, str]) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a line per series that no query here uses
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._http_series()
        self._image_series()
        self.unauthenticated = self._gauge(
            "unauthenticated", "1 where anyone who reaches the port may use the service."
        )
        build = self._gauge("build_info", "Versions, always 1.", ("version", *runtime))
        build.labels(version=version, **runtime).set(1)
        self.model = ModelMetrics(self.registry)

    def _http_series(self) -> None:
        self.requests = Counter(
            "convserve_http_requests", "Answered HTTP requests.", ("method", "route", "code"), registry=self.registry
        )
        self.request_duration = Histogram(
            "convserve_http_request_duration_seconds",
            "From the first byte of a request to the last of its answer.",
            ("method", "route"),
            buckets=DURATION_BUCKETS,
            registry=self.registry,
        )
        self.in_flight = self._gauge("http_requests_in_flight", "Requests that wait for their answer.")

    def _image_series(self) -> None:
        self.image_bytes = Histogram(
            "convserve_image_bytes", "Size of each picture's file.", buckets=_BYTE_BUCKETS, registry=self.registry
        )
        self.image_pixels = Histogram(
            "convserve_image_pixels", "Width x height of each picture.", buckets=_PIXEL_BUCKETS, registry=self.registry
        )
        rejected = Counter(
            "convserve_images_rejected", "Pictures that could not be classified.", ("reason",), registry=self.registry
        )
        self.images_rejected = {reason: rejected.labels(reason) for reason in IMAGE_REJECTIONS}

    def _gauge(self, name: str, text: str, labels: Iterable[str] = ()) -> Gauge:
        return Gauge(f"convserve_{name}", text, labels, registry=self.registry)

    def expect(self, *, method: str, route: str, codes: Iterable[int]) -> None:
        """Create the series of a route before its first request."""
        self.request_duration.labels(method, route)
        for code in codes:
            self.requests.labels(method, route, str(code))

    def render(self) -> bytes:
        """Write all series in Prometheus' text format."""
        return generate_latest(self.registry)


__all__ = ["CONTENT_TYPE", "IMAGE_REJECTIONS", "UNKNOWN_METHOD", "UNKNOWN_MODEL", "UNMATCHED_ROUTE", "Metrics"]
