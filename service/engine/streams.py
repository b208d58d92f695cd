"""A network on a device, several times: each stream has a session of its own and memory for every batch size.

Sessions of one process share a device better than runs of one session do, because a session's runs wait for each other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Final

from service.engine.forms import Measurement, Tuning
from service.engine.predictor import Classification, Classifier, Prepared, repeated
from service.engine.preprocessing import Tensor
from service.engine.session import BoundRun, Session
from service.errors import InferenceError

STREAMS: Final = 2  # while one batch runs, the next one is copied to the device
_WORTH: Final = 0.95  # of a picture's time in a smaller batch; a larger one that gains less only adds waiting
_RUNS: Final = 5


@dataclass(frozen=True, slots=True)
class Streams:
    """Sessions of one network, one for each stream, with every batch size bound and warmed up.

    Args:
        classifier: What stands before and behind the network.
        runs: For each stream the bound run of each size.
        measurements: Of every size that was tried.

    """

    classifier: Classifier
    runs: tuple[dict[int, BoundRun], ...]
    measurements: tuple[Measurement, ...]

    @classmethod
    def warm(cls, classifier: Classifier, sessions: Sequence[Session], *, sizes: Sequence[int]) -> Streams:
        """Bind and run the batch sizes that pay, on every stream.

        Args:
            classifier: Of the model.
            sessions: One for each stream.
            sizes: To try, rising from 1.

        Raises:
            InferenceError: The network does not take even the smallest of them.

        """
        first, *others = sessions
        blank = classifier.blank_batch()
        tried = _tried(first, blank, sizes=sizes)
        each_s = {size: measurement.median_s for size, (_, measurement) in tried.items()}
        kept = {size: tried[size][0] for size in worthwhile(each_s)}
        return cls(
            classifier,
            (kept, *({size: _bound(other, blank, size=size) for size in kept} for other in others)),
            tuple(measurement for _, measurement in tried.values()),
        )

    @property
    def sizes(self) -> tuple[int, ...]:
        """Batch sizes, rising."""
        return tuple(self.runs[0])

    @property
    def tuning(self) -> Tuning:
        """Say which batches are in use, and what was measured to choose them."""
        return Tuning(form="streams", batch=self.sizes[-1], because="measured", measurements=self.measurements)

    def run(self, pictures: Sequence[Prepared], /, *, size: int, stream: int) -> list[Classification | Exception]:
        """Run prepared pictures together; what the batch is padded with is thrown away."""
        return self.classifier.classify_together(pictures, self.runs[stream][size].run, size=size)

    def answers(self) -> Iterator[Callable[[bytes], Classification]]:
        """Give every way in which a picture is answered, for verifying them: each size on each stream."""
        for runs in self.runs:
            for size, bound in runs.items():
                yield partial(self.classifier.classify_last, run=bound.run, size=size)


def worthwhile(each_s: Mapping[int, float]) -> list[int]:
    """Choose batch sizes: up to the smallest one in which a picture costs nearly as little as in any.

    Args:
        each_s: Seconds for each picture by batch size, rising from the smallest.

    """
    least_s = min(each_s.values())
    largest = next(size for size, seconds in each_s.items() if _WORTH * seconds <= least_s)
    return [size for size in each_s if size <= largest]


def _tried(session: Session, blank: Tensor, *, sizes: Sequence[int]) -> dict[int, tuple[BoundRun, Measurement]]:
    """Bind and time the sizes that the network takes and the device has memory for."""
    found: dict[int, tuple[BoundRun, Measurement]] = {}
    for size in sizes if session.fixed_batch is None else (session.fixed_batch,):
        try:
            bound = _bound(session, blank, size=size)
            found[size] = bound, _measured(bound, blank, size=size)
        except InferenceError:
            if not found:
                raise
            break  # larger ones fail too: for want of memory, or because the file has a fixed batch and hides it
    return found


def _bound(session: Session, blank: Tensor, *, size: int) -> BoundRun:
    batch = repeated(blank, size)
    bound = session.bind(batch)
    bound.run(batch)
    return bound


def _measured(bound: BoundRun, blank: Tensor, *, size: int) -> Measurement:
    batch = repeated(blank, size)
    times_s = []
    for _ in range(_RUNS):
        started_s = time.perf_counter()
        bound.run(batch)
        times_s.append((time.perf_counter() - started_s) / size)
    return Measurement(threads=1, batch=size, median_s=median(times_s), least_s=min(times_s), n=_RUNS)
