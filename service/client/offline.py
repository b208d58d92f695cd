"""Classifies on this machine, through the loader and the engine that serve: same checks, same steps, same answers."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from service.artifact import Decoding
from service.client.rows import Answer, Guess
from service.engine.cores import usable_cores
from service.engine.postprocessing import top_k
from service.engine.predictor import Sent
from service.engine.scheduler import Scheduler
from service.errors import (
    ArtifactError,
    ConfigurationError,
    InferenceError,
    InvalidParameterError,
    UnknownModelError,
    UnknownVersionError,
)
from service.repository.live_model import LiveModel
from service.repository.loading import Loader
from service.repository.registry import PREFERRED_DEFAULT
from service.repository.store import StoredVersion, find_versions
from service.settings import Settings
from service.telemetry.logs import log
from service.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Offline:
    """A model in this process; `classify` may be called from any number of threads.

    Args:
        model: Loaded and verified.
        threads: Pictures in work at once.
        cores: One permit for each of them.
        k: Classes of an answer.
        decoding: None for the model's own way.

    """

    model: LiveModel
    threads: int
    cores: threading.Semaphore
    k: int
    decoding: Decoding | None

    def classify(self, data: bytes) -> Answer:
        """Classify an encoded picture.

        Raises:
            InputError: The bytes are no picture that can be read.
            InferenceError: The network fails.

        """
        manifest, classifier = self.model.manifest, self.model.classifier
        decoding = self.decoding or manifest.input.preprocessing.decode
        with self.cores:
            (outcome,) = classifier.classify_each([Sent(data, decoding)], alone=False)
        if isinstance(outcome, BaseException):
            raise outcome
        guesses = tuple(
            Guess(manifest.labels[index], index, share) for index, share in top_k(outcome.probabilities, k=self.k)
        )
        return Answer(manifest.name, manifest.version, self.model.variant.precision, guesses)


def load_offline(
    settings: Settings, *, name: str | None, version: int | None, threads: int | None, k: int, decoding: Decoding | None
) -> Offline:
    """Load the model that a service with these settings would answer with.

    Args:
        settings: Models folder, default model, precision, bounds.
        name: None for the default model.
        version: None for the newest that passes verification.
        threads: Pictures in work at once; None for the cores that this process may use.
        k: Classes of an answer.
        decoding: None for the model's own way.

    Raises:
        ConfigurationError: There is no models folder, or no default model.
        NotFoundError: No such model or version.
        ArtifactError, InferenceError: The model is refused.
        InvalidParameterError: There are fewer classes.

    """
    threads = threads or settings.threads or usable_cores()
    loader = Loader(
        settings=settings, scheduler=Scheduler(threads=threads), series=Metrics(version="", runtime={}).model
    )
    model = _loaded(loader, _candidates(settings, name, version))
    classes = len(model.manifest.labels)
    if k > classes:
        raise InvalidParameterError(
            "top_k", value=k, expected=f"a whole number from 1 to {classes}, the number of classes"
        )
    return Offline(model, threads, threading.Semaphore(threads), k, decoding)


def _candidates(settings: Settings, name: str | None, version: int | None) -> list[StoredVersion]:
    """Find the versions to try, newest first."""
    found = find_versions(settings.models_dir)
    name = name or settings.default_model or _usual_default(list(found))
    if name not in found:
        raise UnknownModelError(name, known=list(found))
    versions = found[name]
    chosen = [stored for stored in versions if version in (None, stored.version)]
    if version is not None and not chosen:
        raise UnknownVersionError(name, version=version, known=[stored.version for stored in versions])
    return chosen


def _usual_default(names: list[str]) -> str:
    if PREFERRED_DEFAULT in names:
        return PREFERRED_DEFAULT
    if len(names) != 1:
        known = ", ".join(names) or "none"
        raise ConfigurationError(f"No model is the default; name one with --model. Known models: {known}.")
    return names[0]


def _loaded(loader: Loader, candidates: list[StoredVersion]) -> LiveModel:
    """Load the first that is good; what is wrong with the ones before it is said."""
    *others, last = candidates
    for stored in others:
        try:
            return loader.load(stored)
        except (ArtifactError, InferenceError) as error:
            log(logging.WARNING, f"{stored.name}/{stored.version} is refused, the version before it answers: {error}")
    return loader.load(last)
