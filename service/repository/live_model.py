"""One version of a model, loaded, verified and warm; and what a version on disk may have become."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from service.artifact import Manifest, Variant
from service.engine.predictor import Classifier, PictureLane
from service.repository.store import StoredVersion
from service.telemetry.model_metrics import LiveModelMetrics


class State(StrEnum):
    """What became of a version on disk."""

    AVAILABLE = "available"
    LOADING = "loading"
    READY = "ready"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class LiveModel:
    """A model that answers; it stays in memory until the last request that was given to it has ended.

    Args:
        stored: Where it lies.
        manifest: As published.
        variant: The file that was loaded.
        classifier: Runs it.
        lane: Its bounded share of the threads.
        metrics: Its series.
        load_s: Seconds to read, check and load it.
        warmup_s: Seconds to verify it and to measure its run time.

    """

    stored: StoredVersion
    manifest: Manifest
    variant: Variant
    classifier: Classifier
    lane: PictureLane
    metrics: LiveModelMetrics
    load_s: float
    warmup_s: float

    @property
    def provider(self) -> str:
        """Execution provider that is really in use."""
        return self.classifier.session.provider


@dataclass(slots=True)
class Version:
    """A version folder and what became of it.

    Args:
        stored: Where it lies.
        fingerprint: Of the folder.
        state: See `State`.
        reason: Why it was refused, else empty.
        model: The loaded model where the state is ready.

    """

    stored: StoredVersion
    fingerprint: str
    state: State = State.AVAILABLE
    reason: str = ""
    model: LiveModel | None = None
