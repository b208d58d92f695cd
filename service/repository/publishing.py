"""Shows in metrics and in the log what becomes of versions, and which share of the traffic each of them has."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from service.fleet.plan import Refusal
from service.repository.live_model import LiveModel
from service.repository.model import Model
from service.repository.refusing import KINDS, UNFORESEEN
from service.repository.store import StoredVersion
from service.telemetry.logs import log
from service.telemetry.model_metrics import ModelMetrics


class Publishing:
    """Tells of versions.

    Args:
        series: Of all models.
        wanted_provider: The provider that the settings name first.

    """

    def __init__(self, series: ModelMetrics, *, wanted_provider: str) -> None:
        self._series = series
        self._wanted_provider = wanted_provider
        self._shares: dict[tuple[str, str], float] = {}

    def loading(self, stored: StoredVersion) -> None:
        """A version is about to be loaded."""
        self._series.ready.labels(stored.name, str(stored.version)).set(0)
        for kind in KINDS:
            self._series.refusals.labels(stored.name, kind)

    def ready(self, loaded: LiveModel) -> None:
        """A version can answer."""
        key = (loaded.manifest.name, str(loaded.manifest.version))
        fell_back = loaded.provider != self._wanted_provider
        self._series.info.labels(*key, loaded.variant.sha256, loaded.variant.precision, loaded.provider).set(1)
        self._series.ready.labels(*key).set(1)
        self._series.load_seconds.labels(*key).set(loaded.load_s)
        self._series.warmup_seconds.labels(*key).set(loaded.warmup_s)
        self._series.fallback.labels(key[0]).set(fell_back)
        if fell_back:
            log(logging.WARNING, "provider fallback", model=key[0], wanted=self._wanted_provider, used=loaded.provider)
        _log_ready(loaded)

    def refused(self, stored: StoredVersion, refusal: Refusal, error: Exception) -> None:
        """A version failed; the log has the whole reason, with folders."""
        self._series.refusals.labels(stored.name, refusal.kind).inc()
        unforeseen = error if refusal.kind == UNFORESEEN else None
        log(
            logging.ERROR,
            "model refused",
            error=unforeseen,
            reason=str(error),
            model=stored.name,
            version=stored.version,
        )

    def unloaded(self, loaded: LiveModel) -> None:
        """A version is no longer in memory, or will not be when its last request has ended."""
        key = (loaded.manifest.name, str(loaded.manifest.version))
        self._series.info.labels(*key, loaded.variant.sha256, loaded.variant.precision, loaded.provider).set(0)
        self._series.ready.labels(*key).set(0)
        log(logging.INFO, "model unloaded", model=key[0], version=loaded.manifest.version)

    def show(self, models: Iterable[Model]) -> None:
        """Show queues, and which share of the requests that name no version each version answers."""
        shares: dict[tuple[str, str], float] = {}
        for model in models:
            self._watch_queue(model)
            if model.shadow is not None:
                _ = model.shadow.metrics.shadow  # its series are there before its first picture
            canary = model.plan.canary
            if model.plan.live is not None:
                shares[(model.name, str(model.plan.live))] = 1 - (canary.share if canary else 0)
            if canary is not None:
                shares[(model.name, str(canary.version))] = canary.share
        for key in self._shares.keys() | shares.keys():
            self._series.traffic_share.labels(*key).set(shares.get(key, 0))
        self._shares = shares

    def _watch_queue(self, model: Model) -> None:
        def depth() -> float:
            return sum(loaded.lane.depth for loaded in model.loaded)

        def capacity() -> float:
            return model.live.lane.bound if model.live else 0

        self._series.watch_queue(model.name, depth=depth, capacity=capacity)


def _log_ready(loaded: LiveModel) -> None:
    log(
        logging.INFO,
        "model ready",
        model=loaded.manifest.name,
        version=loaded.manifest.version,
        provider=loaded.provider,
        precision=loaded.variant.precision,
        load_s=round(loaded.load_s, 4),
        warmup_s=round(loaded.warmup_s, 4),
        run_s=round(loaded.lane.run_s, 6),
        capacity=loaded.lane.bound,
        assumed=list(loaded.manifest.assumed),
    )
