"""A version folder becomes a live model: read, check, load, verify against its golden samples, warm up.

A model is ready only after it has reproduced its own publication on the provider it really runs on.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from statistics import median
from typing import Final

import numpy as np

from service.artifact import Manifest, Variant
from service.engine.predictor import Classifier
from service.engine.scheduler import Lane, Scheduler
from service.engine.session import Session
from service.errors import InputError, ManifestError, ProviderUnavailableError, VerificationError
from service.repository.live_model import LiveModel
from service.repository.store import StoredVersion, read_manifest, read_network, read_sample
from service.settings import Settings
from service.telemetry.model_metrics import LiveModelMetrics, ModelMetrics

_WARMUP_RUNS: Final = 5
_MOST_WAITING: Final = 100_000


@dataclass(frozen=True, slots=True)
class Loader:
    """Loads versions the way the settings say.

    Args:
        settings: Providers, precision, bounds.
        scheduler: Whose threads will run the model.
        series: Where the model's metrics are declared.

    """

    settings: Settings
    scheduler: Scheduler
    series: ModelMetrics

    def load(self, stored: StoredVersion) -> LiveModel:
        """Make a version answer; takes seconds, so not on the event loop.

        Raises:
            ArtifactError: The folder is refused: manifest, hash, unsafe file, or golden samples that come out
                otherwise.
            InferenceError: The runtime does not take the file.
            ProviderUnavailableError: A GPU was demanded and is not in use.

        """
        started_s = time.perf_counter()
        manifest = read_manifest(stored)
        variant = self._variant(manifest, stored)
        classifier = self._classifier(manifest, read_network(stored, variant))
        loaded_s = time.perf_counter()
        run_s = _verify(classifier, manifest, variant, stored)
        lane = self._lane(run_s)
        return LiveModel(
            manifest=manifest,
            variant=variant,
            classifier=classifier,
            lane=lane,
            metrics=self._metrics(manifest, lane),
            load_s=loaded_s - started_s,
            warmup_s=time.perf_counter() - loaded_s,
        )

    def _variant(self, manifest: Manifest, stored: StoredVersion) -> Variant:
        variant = manifest.variant(self.settings.precision)
        if variant is None:
            there = ", ".join(variant.precision for variant in manifest.variants)
            reason = f"has no {self.settings.precision} variant (CONVSERVE_PRECISION); it has {there}"
            raise ManifestError(stored.folder, reason=reason)
        return variant

    def _classifier(self, manifest: Manifest, network: bytes) -> Classifier:
        session = Session.load(
            network,
            input_name=manifest.input.tensor,
            output_name=manifest.output.tensor,
            providers=self.settings.providers,
        )
        if self.settings.require_gpu and session.provider != "cuda":
            raise ProviderUnavailableError(wanted="cuda", used=session.provider)
        return Classifier(
            session=session,
            input=manifest.input,
            output=manifest.output,
            classes=len(manifest.labels),
            max_pixels=self.settings.max_pixels,
        )

    def _lane(self, run_s: float) -> Lane:
        """Bound what runs and waits by its number where that is set, else by the time it takes."""
        size = self.settings.queue_size
        target_s = math.inf if size else self.settings.target_latency_ms / 1000
        return Lane(self.scheduler, capacity=size or _MOST_WAITING, run_s=run_s, target_s=target_s)

    def _metrics(self, manifest: Manifest, lane: Lane) -> LiveModelMetrics:
        return LiveModelMetrics(
            self.series,
            model=manifest.name,
            version=manifest.version,
            labels=manifest.labels,
            depth=lambda: lane.depth,
            capacity=lambda: lane.bound,
        )


def _verify(classifier: Classifier, manifest: Manifest, variant: Variant, stored: StoredVersion) -> float:
    """Classify every golden sample, compare, and return the median seconds of one run."""
    samples = [(sample, read_sample(stored, sample)) for sample in manifest.golden]
    for sample, data in samples:
        try:
            actual = classifier.classify(data).probabilities
        except InputError as error:
            raise VerificationError(stored.folder / sample.file, reason=str(error)) from error
        difference = float(np.abs(actual - np.asarray(sample.probabilities[variant.precision])).max())
        if not difference <= sample.tolerance:  # also where it is no number
            raise VerificationError(
                stored.folder / sample.file,
                reason=f"gives probabilities that differ by {difference:.2g} from the published ones on "
                f"{classifier.session.provider}; {sample.tolerance:.2g} is allowed",
            )
    return _run_time(classifier, [data for _, data in samples])


def _run_time(classifier: Classifier, samples: list[bytes]) -> float:
    """Warm up and measure: the golden sample's whole way, or a blank tensor's where a model has none."""
    times_s = []
    for _ in range(_WARMUP_RUNS):
        started_s = time.perf_counter()
        if samples:
            classifier.classify(samples[0])
        else:
            classifier.probabilities_of(classifier.session.run(classifier.blank_batch()))
        times_s.append(time.perf_counter() - started_s)
    return median(times_s)
