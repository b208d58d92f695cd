"""A version folder becomes a live model: read, check, load, verify against its golden samples, warm up.

A model is ready only after it has reproduced its own publication on the provider it really runs on.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final, TypeAlias, TypeVar

import numpy as np

from service.artifact import Manifest, Variant
from service.engine.forms import Sessions
from service.engine.predictor import Classification, Classifier, PictureLane
from service.engine.scheduler import Scheduler
from service.engine.session import Session
from service.errors import InferenceError, InputError, ManifestError, ProviderUnavailableError, VerificationError
from service.repository.cache import Cache
from service.repository.lanes import make_lane
from service.repository.live_model import LiveModel
from service.repository.store import StoredVersion, read_manifest, read_network, read_sample
from service.settings import Settings
from service.telemetry.logs import log
from service.telemetry.model_metrics import LiveModelMetrics, ModelMetrics

_WARMUP_RUNS: Final = 5
_WARMUP_S: Final = 1.0  # after which a slow model has been run enough to know its time

Used = TypeVar("Used")
Answering: TypeAlias = Callable[[bytes], Classification]


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
        classifier, loaded_s = self._verified(manifest, variant, stored)
        run_s = _run_time(classifier, manifest, stored)
        self._tell_of_hopeless(manifest, run_s=run_s)
        lane = make_lane(
            classifier,
            settings=self.settings,
            scheduler=self.scheduler,
            run_s=run_s,
            another=lambda: self.session(manifest, read_network(stored, variant)),
            verified=lambda answer: verify(classifier, manifest, variant, stored, answer=answer),
        )
        model = LiveModel(
            stored=stored,
            manifest=manifest,
            variant=variant,
            classifier=classifier,
            lane=lane,
            metrics=self._metrics(manifest),
            load_s=loaded_s - started_s,
            warmup_s=time.perf_counter() - loaded_s,
        )
        if model.provider != "cpu":
            _end_with(model, lane)
        return model

    def _tell_of_hopeless(self, manifest: Manifest, *, run_s: float) -> None:
        if run_s * 1000 >= self.settings.deadline_ms:
            log(
                logging.WARNING,
                "one picture takes longer than CONVSERVE_DEADLINE_MS allows: no request can be answered",
                model=manifest.name,
                run_s=round(run_s, 3),
                deadline_ms=self.settings.deadline_ms,
            )

    def _variant(self, manifest: Manifest, stored: StoredVersion) -> Variant:
        variant = manifest.variant(self.settings.precision)
        if variant is None:
            there = ", ".join(variant.precision for variant in manifest.variants)
            reason = f"has no {self.settings.precision} variant (CONVSERVE_PRECISION); it has {there}"
            raise ManifestError(stored.folder, reason=reason)
        return variant

    @property
    def cache(self) -> Cache | None:
        """What was worked out here before; None where nothing is kept."""
        return Cache(self.settings.cache_dir) if self.settings.cache_dir else None

    def session(self, manifest: Manifest, source: bytes | Path, *, threads: int = 1) -> Session:
        """Load one form of a network.

        Args:
            manifest: Names its tensors.
            source: The published file's bytes, or an optimised form of it from the cache.
            threads: Of one run on the CPU.

        Raises:
            InferenceError: The runtime does not take it.

        """
        return Session.load(
            source,
            input_name=manifest.input.tensor,
            output_name=manifest.output.tensor,
            providers=self.settings.providers,
            threads=threads,
            batch=manifest.input.batch,
        )

    def _verified(self, manifest: Manifest, variant: Variant, stored: StoredVersion) -> tuple[Classifier, float]:
        """Load a network that answers as it was published, and say when it was loaded."""
        network = read_network(stored, variant)  # also where the cache has it: a changed file is refused
        return self.from_best_source(
            variant,
            use=lambda source: self._loaded(manifest, variant, stored, source),
            published=lambda: network,
        )

    def from_best_source(
        self, variant: Variant, *, use: Callable[[bytes | Path], Used], published: Callable[[], bytes]
    ) -> Used:
        """Make something of the optimised form of a network, or of the published one where that is none or fails.

        A form that fails is thrown away.

        Args:
            variant: Whose form.
            use: Loads and verifies it.
            published: Reads the published file.

        Raises:
            ArtifactError, InferenceError: What `use` and `published` raise without a cache.

        """
        cache = self.cache if self.settings.providers[0] == "cpu" else None
        optimized = cache.optimized(variant.sha256) if cache else None
        if cache and optimized:
            try:
                return use(optimized)
            except (InferenceError, VerificationError) as error:
                cache.discard(variant.sha256, reason=str(error))
        return use(published())

    def _loaded(
        self, manifest: Manifest, variant: Variant, stored: StoredVersion, source: bytes | Path
    ) -> tuple[Classifier, float]:
        classifier = self._classifier(manifest, source)
        loaded_s = time.perf_counter()
        verify(classifier, manifest, variant, stored)
        return classifier, loaded_s

    def _classifier(self, manifest: Manifest, source: bytes | Path) -> Classifier:
        session = self.session(manifest, source)
        if self.settings.require_gpu and session.provider != "cuda":
            raise ProviderUnavailableError(wanted="cuda", used=session.provider)
        return Classifier(
            sessions=Sessions(session),
            input=manifest.input,
            output=manifest.output,
            classes=len(manifest.labels),
            max_pixels=self.settings.max_pixels,
        )

    def _metrics(self, manifest: Manifest) -> LiveModelMetrics:
        return LiveModelMetrics(self.series, model=manifest.name, version=manifest.version, labels=manifest.labels)


def _end_with(model: LiveModel, lane: PictureLane) -> None:
    """Let the threads of a model's lane end when the last request that was given to the model has let go of it."""

    def end() -> None:
        threading.Thread(target=lane.stop, name="ending", daemon=True).start()  # it waits for them, nobody else should

    weakref.finalize(model, end).atexit = False


def verify(
    classifier: Classifier,
    manifest: Manifest,
    variant: Variant,
    stored: StoredVersion,
    *,
    answer: Answering | None = None,
) -> None:
    """Classify every golden sample and compare.

    Args:
        classifier: Of the model.
        manifest: Holds the published probabilities.
        variant: The file that was loaded.
        stored: Where the samples lie.
        answer: Another way to an answer than the classifier's own: a form of the network, or its place in a batch.

    Raises:
        ArtifactError: A sample is missing or another one, or comes out otherwise.

    """
    for sample in manifest.golden:
        data = read_sample(stored, sample)
        try:
            actual = (answer or classifier.classify)(data).probabilities
        except InputError as error:
            raise VerificationError(stored.folder / sample.file, reason=str(error)) from error
        difference = float(np.abs(actual - np.asarray(sample.probabilities[variant.precision])).max())
        if not difference <= sample.tolerance:  # also where it is no number
            raise VerificationError(
                stored.folder / sample.file,
                reason=f"gives probabilities that differ by {difference:.2g} from the published ones on "
                f"{classifier.session.provider}; {sample.tolerance:.2g} is allowed",
            )


def _run_time(
    classifier: Classifier,
    manifest: Manifest,
    stored: StoredVersion,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Warm up and measure: a golden sample's whole way, or a blank tensor's where a model has none."""
    samples = [read_sample(stored, sample) for sample in manifest.golden[:1]]
    times_s: list[float] = []
    while len(times_s) < _WARMUP_RUNS and sum(times_s) < _WARMUP_S:
        started_s = clock()
        if samples:
            classifier.classify(samples[0])
        else:
            classifier.probabilities_of(classifier.session.run(classifier.blank_batch()))
        times_s.append(clock() - started_s)
    return median(times_s)
