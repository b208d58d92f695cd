"""The series of a model: predictions, stages, queue, and what is loaded.

`ModelMetrics` declares the series of all models; `LiveModelMetrics` holds one live model's children, looked up once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from service.telemetry.declaring import LEAST, MOST, SUM, Declaring, OverWorkers
from service.telemetry.series import (
    BATCH_BUCKETS,
    DURATION_BUCKETS,
    MOST_COUNTED_CLASSES,
    OUTCOMES,
    REJECTIONS,
    SHADOW_OUTCOMES,
    SHARE_BUCKETS,
    STAGES,
    UNKNOWN_MODEL,
)

_VERSIONED: Final = ("model", "version")


class ModelMetrics:
    """Declares the per-model series.

    Args:
        declare: Makes them in the app's registry.

    """

    def __init__(self, declare: Declaring) -> None:
        self._declare = declare
        self.predictions = self._counter("predictions", "Pictures that reached a model.", (*_VERSIONED, "outcome"))
        self.classes = self._counter("predicted_class", "First guesses.", (*_VERSIONED, "label"))
        self.rejections = self._counter("rejections", "Pictures turned away.", ("model", "reason"))
        self.stages = self._histogram(
            "stage_duration_seconds", "Time of each stage.", ("model", "stage"), DURATION_BUCKETS
        )
        self.batch_size = self._histogram("batch_size", "Pictures per run of the network.", ("model",), BATCH_BUCKETS)
        self.confidence = self._histogram(
            "prediction_confidence", "Probability of the first guess.", _VERSIONED, SHARE_BUCKETS
        )
        self.entropy = self._histogram(
            "prediction_entropy_ratio", "Entropy of the answer over that of a blind guess.", _VERSIONED, SHARE_BUCKETS
        )
        self.shadows = self._counter(
            "shadow_predictions", "Pictures that a shadow was offered, by what came of it.", (*_VERSIONED, "outcome")
        )
        self.shadow_distance = self._histogram(
            "shadow_distance", "Total variation between a shadow's answer and the live one.", _VERSIONED, SHARE_BUCKETS
        )
        self._queue_gauges()
        self._load_gauges()
        self._count_unknown()

    def _queue_gauges(self) -> None:
        self.queue_depth = self._gauge("queue_depth", "Pictures in work and waiting.", ("model",), SUM)
        self.queue_capacity = self._gauge("queue_capacity", "Most pictures in work and waiting.", ("model",), SUM)

    def watch_queue(self, model: str, *, depth: Callable[[], float], capacity: Callable[[], float]) -> None:
        """Read a model's queue whenever somebody looks at it.

        Args:
            model: Its name.
            depth: Tells how many pictures are in work and waiting now, in all versions together.
            capacity: Tells how many there may be before the live version.

        """
        self.queue_depth.labels(model).set_function(depth)
        self.queue_capacity.labels(model).set_function(capacity)

    def _load_gauges(self) -> None:
        self.info = self._gauge(
            "model_info", "What is loaded, always 1.", (*_VERSIONED, "sha256", "precision", "provider")
        )
        self.ready = self._gauge("model_ready", "1 where the version is verified and warm.", _VERSIONED, LEAST)
        self.refusals = self._counter("model_refusals", "Times that a version was refused.", ("model", "reason"))
        self.traffic_share = self._gauge(
            "traffic_share", "Share of the requests that name no version which the version answers.", _VERSIONED
        )
        self.load_seconds = self._gauge("model_load_seconds", "Time to read, check and load.", _VERSIONED)
        self.warmup_seconds = self._gauge("model_warmup_seconds", "Time to verify and warm up.", _VERSIONED)
        self.fallback = self._gauge(
            "provider_fallback", "1 where another provider than the first asked for is in use.", ("model",)
        )

    def _count_unknown(self) -> None:
        self.unknown_model = self.predictions.labels(UNKNOWN_MODEL, "", "bad_input")

    def _counter(self, name: str, text: str, labels: Sequence[str]) -> Counter:
        return self._declare.counter(name, text, labels)

    def _gauge(self, name: str, text: str, labels: Sequence[str], over_workers: OverWorkers = MOST) -> Gauge:
        return self._declare.gauge(name, text, labels, over_workers=over_workers)

    def _histogram(self, name: str, text: str, labels: Sequence[str], buckets: Sequence[float]) -> Histogram:
        return self._declare.histogram(name, text, labels, buckets=buckets)


class LiveModelMetrics:
    """One live model's children.

    Args:
        series: Where they are declared.
        model: Name of the model.
        version: Its version.
        labels: Class names; counted one by one up to `MOST_COUNTED_CLASSES`.

    """

    def __init__(
        self,
        series: ModelMetrics,
        *,
        model: str,
        version: int,
        labels: Sequence[str],
    ) -> None:
        key = (model, str(version))
        self.outcomes = {outcome: series.predictions.labels(*key, outcome) for outcome in OUTCOMES}
        self.rejections = {reason: series.rejections.labels(model, reason) for reason in REJECTIONS}
        self.stages = {stage: series.stages.labels(model, stage) for stage in STAGES}
        counted = labels if len(labels) <= MOST_COUNTED_CLASSES else ()
        self.classes = [series.classes.labels(*key, label) for label in counted]
        self.confidence = series.confidence.labels(*key)
        self.entropy = series.entropy.labels(*key)
        self.batch_size = series.batch_size.labels(model)
        self._series, self._key = series, key

    @cached_property
    def shadow(self) -> ShadowMetrics:
        """The series of this version as a shadow; there are none for versions that never are."""
        return ShadowMetrics(self._series, key=self._key)

    def observe_answer(self, *, first_index: int, confidence: float, entropy_ratio: float) -> None:
        """Count one answered picture by its first guess."""
        if self.classes:
            self.classes[first_index].inc()
        self.confidence.observe(confidence)
        self.entropy.observe(entropy_ratio)


class ShadowMetrics:
    """The children of a version that sees what another one answers.

    Args:
        series: Where they are declared.
        key: Name of the model and version.

    """

    def __init__(self, series: ModelMetrics, *, key: tuple[str, str]) -> None:
        self.outcomes = {outcome: series.shadows.labels(*key, outcome) for outcome in SHADOW_OUTCOMES}
        self.distance = series.shadow_distance.labels(*key)
