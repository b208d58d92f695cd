"""Every Prometheus series of the service; only this room imports prometheus_client.

Labels come from closed sets (route templates, names in the model registry), and each series that can be known exists
from the start, so that `rate()` is right from the first event. Children are looked up once and kept, because `labels()`
costs more than counting. Each app owns its registry: two apps in one process do not share counts. The apps of several
worker processes do, through `SharedSeries`: whichever of them is scraped shows the sums.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from service.telemetry.access_metrics import AccessMetrics
from service.telemetry.declaring import SUM, Declaring
from service.telemetry.model_metrics import ModelMetrics
from service.telemetry.process_group import ProcessGroupCollector
from service.telemetry.series import DURATION_BUCKETS, UNKNOWN_MODEL
from service.telemetry.shared_series import SharedSeries
from service.telemetry.worker_metrics import WorkerMetrics

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
UNMATCHED_ROUTE: Final = "_unmatched"
UNKNOWN_METHOD: Final = "_"

IMAGE_REJECTIONS: Final = ("unreadable", "format", "pixels")
_BYTE_BUCKETS: Final = tuple(float(4**power) for power in range(4, 14))  # 256 B .. 64 MiB
_PIXEL_BUCKETS: Final = tuple(float(4**power) for power in range(4, 14))  # 16x16 .. 64 million


class Metrics:
    """The series of one app; per-model series are reached through `model`.

    Args:
        version: Of the service.
        runtime: Versions of what it stands on, by name.
        shared: What this worker counts together with others, None where there are no others.

    """

    def __init__(self, *, version: str, runtime: Mapping[str, str], shared: SharedSeries | None = None) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a line per series that no query here uses
        self._shared = shared
        self.registry = shared.registry if shared else CollectorRegistry(auto_describe=True)
        self._declare = Declaring(self.registry, shared=shared)
        self._process_series()
        self._http_series()
        self._image_series()
        self.unauthenticated = self._declare.gauge(
            "unauthenticated", "1 where anyone who reaches the port may use the service."
        )
        build = self._declare.gauge("build_info", "Versions, always 1.", ("version", *runtime))
        build.labels(version=version, **runtime).set(1)
        self.model = ModelMetrics(self._declare)
        self.workers = WorkerMetrics(self._declare)
        self.access = AccessMetrics(self._declare)

    def _process_series(self) -> None:
        if self._shared is None:
            ProcessCollector(registry=self.registry)
        else:
            pages = self._shared.pages
            self.registry.register(
                ProcessGroupCollector(supervisor=os.getppid(), workers=lambda: [page.pid for page in pages if page.pid])
            )
        PlatformCollector(registry=self.registry)

    def _http_series(self) -> None:
        self.requests = self._declare.counter("http_requests", "Answered HTTP requests.", ("method", "route", "code"))
        self.request_duration = self._declare.histogram(
            "http_request_duration_seconds",
            "From the first byte of a request to the last of its answer.",
            ("method", "route"),
            buckets=DURATION_BUCKETS,
        )
        self.in_flight = self._declare.gauge(
            "http_requests_in_flight", "Requests that wait for their answer.", over_workers=SUM
        )

    def _image_series(self) -> None:
        self.image_bytes = self._declare.histogram("image_bytes", "Size of each picture's file.", buckets=_BYTE_BUCKETS)
        self.image_pixels = self._declare.histogram(
            "image_pixels", "Width x height of each picture.", buckets=_PIXEL_BUCKETS
        )
        rejected = self._declare.counter("images_rejected", "Pictures that could not be classified.", ("reason",))
        self.images_rejected = {reason: rejected.labels(reason) for reason in IMAGE_REJECTIONS}

    def expect(self, *, method: str, route: str, codes: Iterable[int]) -> None:
        """Create the series of a route before its first request."""
        self.request_duration.labels(method, route)
        for code in codes:
            self.requests.labels(method, route, str(code))

    def publish(self) -> None:
        """Let other workers see what only this one can read; called some times a second, nothing to do where alone."""
        if self._shared is not None:
            self._shared.publish()

    def render(self) -> bytes:
        """Write all series in Prometheus' text format."""
        if self._shared is not None:
            self._shared.gather()
        return generate_latest(self.registry)


__all__ = ["CONTENT_TYPE", "IMAGE_REJECTIONS", "UNKNOWN_METHOD", "UNKNOWN_MODEL", "UNMATCHED_ROUTE", "Metrics"]
