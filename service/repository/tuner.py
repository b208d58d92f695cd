"""Gives every live model the form that fits this machine, on a thread of its own, after the service has become ready.

What was measured once is remembered in the cache folder and taken from there after a restart. A form is exchanged only
when its new sessions have answered the golden samples; until then, and wherever anything fails, the default one serves.
"""

from __future__ import annotations

import logging
import math
import queue
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from service.engine.forms import Form, Measurement, Tuning
from service.engine.predictor import repeated
from service.engine.session import Session
from service.engine.tuning import (
    BusyError,
    Stopwatch,
    batch_sizes,
    choose_batch,
    choose_form,
    worth_widening,
)
from service.errors import ArtifactError, InferenceError
from service.repository.live_model import LiveModel
from service.repository.loading import Loader, verify
from service.repository.store import read_network
from service.telemetry.logs import log

_PAUSE_S: Final = 0.02
_PATIENCE_S: Final = 60.0  # for one model; a machine without a quiet moment in a minute is tuned at its next start
_ADAPTER: Final[TypeAdapter[Tuning]] = TypeAdapter(Tuning)


@dataclass(slots=True)
class Tuner:
    """Tunes models one after the other.

    Args:
        loader: Loads their sessions; its settings pin a form or name the cache.
        stopping: Set when the process is about to end.

    """

    loader: Loader
    stopping: threading.Event = field(default_factory=threading.Event)
    _may_begin: threading.Event = field(default_factory=threading.Event)
    _waiting: queue.SimpleQueue[weakref.ref[LiveModel] | None] = field(default_factory=queue.SimpleQueue)

    def enqueue(self, model: LiveModel) -> None:
        """Have a model tuned when its turn comes, unless it is unloaded before; from any thread."""
        self._waiting.put(weakref.ref(model))

    def run(self) -> None:
        """Tune models as they come until told to stop; what one of them meets does not keep the others from it."""
        self._may_begin.wait()
        while (waiting := self._waiting.get()) is not None:
            model = waiting()
            if model is not None and not self.stopping.is_set():
                self._try(model)
            del model  # no name here for a model that may be unloaded meanwhile

    def begin(self) -> None:
        """Say that what is to answer first is loaded, which would have disturbed the measurements."""
        self._may_begin.set()

    def stop(self) -> None:
        """Have it end soon; from any thread."""
        self.stopping.set()
        self._may_begin.set()
        self._waiting.put(None)

    def _try(self, model: LiveModel) -> None:
        try:
            self.tune(model)
        except BusyError:
            _log(model, "not tuned", reason="the machine was never idle")
        except (ArtifactError, InferenceError, MemoryError) as error:
            _log(model, "not tuned", level=logging.WARNING, reason=str(error))

    def tune(self, model: LiveModel) -> None:
        """Choose a form and load it.

        Raises:
            BusyError: There was no moment to measure in, or the process is about to end.
            ArtifactError, InferenceError: A form does not answer as the model was published.

        """
        if model.provider != "cpu":
            return  # a GPU has one form
        pinned = self.loader.settings.form
        known = None if pinned else self._remembered(model)
        if pinned:
            tuning, wide = Tuning(form=pinned, batch=1, because="pinned"), None
        elif known is not None:
            tuning, wide = known, None
        else:
            tuning, wide = self._measured(model)
        self._adopt(model, tuning, wide)
        if tuning.because == "measured":
            self._remember(model, tuning)
        _log(model, "tuned", form=tuning.form, batch=tuning.batch, because=tuning.because)

    def _measured(self, model: LiveModel) -> tuple[Tuning, Session | None]:
        stopwatch = Stopwatch(lambda: self.loader.scheduler.idle, self._pause_within(_PATIENCE_S))
        blank = model.classifier.blank_batch()
        session, cores = model.classifier.session, self.loader.scheduler.threads
        narrow = stopwatch.measure(session, blank, threads=1)
        batches = [
            stopwatch.measure(session, repeated(blank, size), threads=1) for size in batch_sizes(session, narrow)
        ]
        form: Form = "narrow"
        measurements: list[Measurement] = [narrow, *batches]
        wide: Session | None = None
        if worth_widening(narrow, cores=cores):
            wide = self._load(model, threads=cores)
            measurements.append(stopwatch.measure(wide, blank, threads=cores))
            form = choose_form(narrow, measurements[-1])
        tuning = Tuning(
            form=form, batch=choose_batch(narrow, batches), because="measured", measurements=tuple(measurements)
        )
        return tuning, wide

    def _adopt(self, model: LiveModel, tuning: Tuning, wide: Session | None) -> None:
        sessions = model.classifier.sessions
        if tuning.form != "narrow":
            wide = wide or self._load(model, threads=self.loader.scheduler.threads)
            verify(model.classifier, model.manifest, model.variant, model.stored, session=wide)
            sessions.wide = wide
            model.lane.learns_alone = False
        sessions.tuning = tuning
        model.lane.batch = tuning.batch

    def _load(self, model: LiveModel, *, threads: int) -> Session:
        return self.loader.session(model.manifest, self._source(model), threads=threads)

    def _source(self, model: LiveModel) -> bytes | Path:
        """Take the optimised form of a model, which is made where it can be kept."""
        cache, sha256 = self.loader.cache, model.variant.sha256
        found = cache.optimized(sha256) if cache else None
        if found is not None:
            return found
        network = read_network(model.stored, model.variant)
        return (cache.write_optimized(sha256, network) if cache else None) or network

    def _remembered(self, model: LiveModel) -> Tuning | None:
        note = self.loader.cache.note(model.variant.sha256, self._note) if self.loader.cache else None
        if note is None:
            return None
        try:
            return _ADAPTER.validate_json(note)
        except ValidationError:
            return None  # of another version of this program

    def _remember(self, model: LiveModel, tuning: Tuning) -> None:
        if self.loader.cache:
            self.loader.cache.write_note(model.variant.sha256, self._note, _ADAPTER.dump_json(tuning).decode())

    @property
    def _note(self) -> str:
        return f"tuning-{self.loader.scheduler.threads}.json"

    def _pause_within(self, patience_s: float) -> Callable[[], None]:
        left = math.ceil(patience_s / _PAUSE_S)

        def pause() -> None:
            nonlocal left
            left -= 1
            if left < 0 or self.stopping.wait(_PAUSE_S):
                raise BusyError

        return pause


def _log(model: LiveModel, event: str, *, level: int = logging.INFO, **facts: object) -> None:
    log(level, event, error=None, model=model.manifest.name, version=model.manifest.version, **facts)
