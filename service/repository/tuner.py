"""Gives every live model the form that fits this machine, on a thread of its own, after the service has become ready.

What was measured once is remembered in the cache folder and taken from there after a restart. A form is taken only when
it has answered the golden samples; until then, and wherever anything fails, the default one serves. A machine that has
no quiet moment is asked again later, so that a service that was started under load gets its form too.
"""

from __future__ import annotations

import logging
import math
import queue
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from service.engine.forms import Form, Measurement, Tuning
from service.engine.predictor import Classification, repeated
from service.engine.session import Session
from service.engine.tuning import (
    BusyError,
    Stopwatch,
    batch_sizes,
    choose_batch,
    choose_form,
    worth_widening,
)
from service.errors import ArtifactError, InferenceError, VerificationError
from service.repository.live_model import LiveModel
from service.repository.loading import Loader, verify
from service.repository.store import read_network
from service.telemetry.logs import log

_PAUSE_S: Final = 0.02
_PATIENCE_S: Final = 60.0  # for one model, before the next one has its turn
_AGAIN_S: Final = 300.0
_LONGEST_S: Final = 86_400.0
_ADAPTER: Final[TypeAdapter[Tuning]] = TypeAdapter(Tuning)


@dataclass(slots=True)
class Tuner:
    """Tunes models one after the other.

    Args:
        loader: Loads their sessions; its settings pin a form or name the cache.
        stopping: Set when the process is about to end.
        again_s: Seconds until models are tried again for which there was no quiet moment.

    """

    loader: Loader
    stopping: threading.Event = field(default_factory=threading.Event)
    again_s: float = _AGAIN_S
    _may_begin: threading.Event = field(default_factory=threading.Event)
    _waiting: queue.SimpleQueue[weakref.ref[LiveModel] | None] = field(default_factory=queue.SimpleQueue)

    def enqueue(self, model: LiveModel) -> None:
        """Have a model tuned when its turn comes, unless it is unloaded before; from any thread."""
        self._waiting.put(weakref.ref(model))

    def begin(self) -> None:
        """Say that what is to answer first is loaded, which would have disturbed the measurements."""
        self._may_begin.set()

    def stop(self) -> None:
        """Have it end soon; from any thread."""
        self.stopping.set()
        self._may_begin.set()
        self._waiting.put(None)

    def run(self) -> None:
        """Tune models as they come until told to stop; what one of them meets is no other's business."""
        self._may_begin.wait()
        left: list[weakref.ref[LiveModel]] = []
        again_s = self.again_s
        while not self.stopping.is_set():
            arrived = self._arrivals(wait_s=again_s if left else None)
            again_s = self.again_s if arrived else later(again_s)
            left = [reference for reference in (*left, *arrived) if not self._is_done_with(reference)]

    def _arrivals(self, *, wait_s: float | None) -> list[weakref.ref[LiveModel]]:
        """Wait for a model to come, and take it with all that have come."""
        found: list[weakref.ref[LiveModel]] = []
        try:
            one = self._waiting.get(timeout=wait_s)
            while one is not None:  # else it is time to end
                found.append(one)
                one = self._waiting.get_nowait()
        except queue.Empty:
            pass
        return found

    def tune(self, model: LiveModel) -> None:
        """Choose a form and load it.

        Raises:
            BusyError: There was no moment to measure in, or the process is about to end.
            ArtifactError, InferenceError: A form does not answer as the model was published.

        """
        pinned = self.loader.settings.form
        if model.provider != "cpu":
            if pinned:
                _log(model, "pinned form left out", level=logging.WARNING, form=pinned, reason="it is one for CPUs")
            return  # a GPU's form was chosen when its streams were made
        self._keep_optimized(model)
        if pinned:
            self._adopt(model, Tuning(form=pinned, batch=1, because="pinned"))
        elif not self._adopted_from_memory(model):
            tuning, wide = self._measured(model)
            self._adopt(model, tuning, wide)
            self._remember(model, tuning)
        tuning = model.classifier.sessions.tuning
        _log(model, "tuned", form=tuning.form, batch=tuning.batch, because=tuning.because)

    def _is_done_with(self, reference: weakref.ref[LiveModel]) -> bool:
        """Tune a model, and say whether it need not be tried again; one that was unloaded meanwhile need not."""
        model = reference()
        if model is None or self.stopping.is_set():
            return True
        try:
            self.tune(model)
        except BusyError:
            _log(model, "not tuned yet", reason="the machine was never idle")
            return False
        except Exception as error:  # noqa: BLE001  the model answers as it is, and the next one is to be tuned
            _log(model, "not tuned", level=logging.WARNING, reason=f"{type(error).__name__}: {error}")
        return True

    def _measured(self, model: LiveModel) -> tuple[Tuning, Session | None]:
        scheduler = self.loader.scheduler
        stopwatch = Stopwatch(
            idle=lambda: scheduler.idle and not self.stopping.is_set(),
            arrived=lambda: scheduler.arrived,
            pause=self._pause_within(_PATIENCE_S),
        )
        blank = model.classifier.blank_batch()
        session, cores = model.classifier.session, scheduler.threads
        narrow = stopwatch.measure(session, blank, threads=1)
        batches = self._batches(model, stopwatch, narrow)
        form: Form = "narrow"
        measurements: list[Measurement] = [narrow, *batches]
        wide: Session | None = None
        if worth_widening(narrow, cores=cores):
            wide = self._wide(model)
            measurements.append(stopwatch.measure(wide, blank, threads=cores))
            form = choose_form(narrow, measurements[-1])
        tuning = Tuning(
            form=form, batch=choose_batch(narrow, batches), because="measured", measurements=tuple(measurements)
        )
        return tuning, wide

    def _batches(self, model: LiveModel, stopwatch: Stopwatch, narrow: Measurement) -> list[Measurement]:
        """Time batches, as far as the network takes them and answers as published in them."""
        session, blank = model.classifier.session, model.classifier.blank_batch()
        found: list[Measurement] = []
        for size in batch_sizes(session, narrow):
            try:
                _verify(model, partial(model.classifier.classify_last, run=session.run, size=size))
                found.append(stopwatch.measure(session, repeated(blank, size), threads=1))
            except (InferenceError, VerificationError) as error:
                _log(model, "batches left out", size=size, reason=str(error))
                break
        return found

    def _adopted_from_memory(self, model: LiveModel) -> bool:
        """Take the form that was measured before, and say whether there was one that still fits."""
        known = self._remembered(model)
        if known is None:
            return False
        try:
            self._adopt(model, known)
        except (ArtifactError, InferenceError) as error:
            _log(model, "remembered form left out", level=logging.WARNING, form=known.form, reason=str(error))
            return False
        return True

    def _adopt(self, model: LiveModel, tuning: Tuning, wide: Session | None = None) -> None:
        """Exchange the form, if all of the new one answers as published."""
        sessions = model.classifier.sessions
        if tuning.form != "narrow":
            wide = wide or self._wide(model)
        if tuning.batch > 1:
            _verify(model, partial(model.classifier.classify_last, run=sessions.narrow.run, size=tuning.batch))
        if tuning.form != "narrow":
            sessions.wide = wide
            model.lane.learns_alone = False
        sessions.tuning = tuning
        model.lane.batch = tuning.batch

    def _wide(self, model: LiveModel) -> Session:
        """Load the form on all threads, which answers as the model was published."""

        def use(source: bytes | Path) -> Session:
            session = self.loader.session(model.manifest, source, threads=self.loader.scheduler.threads)
            _verify(model, partial(model.classifier.classify, session=session))
            return session

        return self.loader.from_best_source(
            model.variant, use=use, published=lambda: read_network(model.stored, model.variant)
        )

    def _keep_optimized(self, model: LiveModel) -> None:
        """See that the optimised form is there for the next session, the next start and the other processes."""
        cache, sha256 = self.loader.cache, model.variant.sha256
        if cache and cache.optimized(sha256) is None:
            cache.write_optimized(sha256, read_network(model.stored, model.variant))

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


def later(wait_s: float) -> float:
    """Double a wait, up to a day: a machine that is never quiet is not to be asked all the time."""
    return min(_LONGEST_S, 2 * wait_s)


def _verify(model: LiveModel, answer: Callable[[bytes], Classification]) -> None:
    verify(model.classifier, model.manifest, model.variant, model.stored, answer=answer)


def _log(model: LiveModel, event: str, *, level: int = logging.INFO, **facts: object) -> None:
    log(level, event, error=None, model=model.manifest.name, version=model.manifest.version, **facts)
