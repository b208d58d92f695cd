"""A network on a device, several times: each stream has a session of its own and memory for every batch size.

Sessions of one process share a device better than runs of one session do, because a session's runs wait for each other.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from service.engine.predictor import Classification, Classifier, Prepared, Tensor, repeated
from service.engine.session import BoundRun, Session

STREAMS: Final = 2  # while one batch runs, the next one is copied to the device
_WORTH: Final = (
    0.95  # of the time for each picture at the size before; a larger batch that gains less only adds waiting
)
_RUNS: Final = 3


@dataclass(frozen=True, slots=True)
class Streams:
    """Sessions of one network, one for each stream, with every batch size bound and warmed up.

    Args:
        classifier: What stands before and behind the network.
        runs: For each stream the bound run of each size.

    """

    classifier: Classifier
    runs: tuple[dict[int, BoundRun], ...]

    @classmethod
    def warm(cls, classifier: Classifier, sessions: Sequence[Session], *, sizes: Sequence[int]) -> Streams:
        """Bind and run the batch sizes that pay, on every stream.

        Args:
            classifier: Of the model.
            sessions: One for each stream.
            sizes: To try, rising from 1.

        Raises:
            InferenceError: The network does not take a batch of such a size.

        """
        first, *others = sessions
        blank = classifier.blank_batch()
        runs = _useful(first, blank, sizes=sizes)
        return cls(classifier, (runs, *({size: _bound(other, blank, size=size) for size in runs} for other in others)))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Batch sizes, rising."""
        return tuple(self.runs[0])

    def run(self, pictures: Sequence[Prepared], /, *, size: int, stream: int) -> list[Classification]:
        """Run prepared pictures together; what the batch is padded with is thrown away.

        Raises:
            InferenceError: The network failed.

        """
        return self.classifier.classify_prepared(pictures, self.runs[stream][size].run, size=size)


def _useful(session: Session, blank: Tensor, *, sizes: Sequence[int]) -> dict[int, BoundRun]:
    """Keep the sizes up to the one from which on a picture costs no less in a larger batch."""
    runs: dict[int, BoundRun] = {}
    before_s = math.inf
    for size in sizes if session.fixed_batch is None else (session.fixed_batch,):
        bound = _bound(session, blank, size=size)
        each_s = _seconds(bound, blank, size=size) / size
        if each_s > _WORTH * before_s:
            break
        runs[size], before_s = bound, each_s
    return runs


def _bound(session: Session, blank: Tensor, *, size: int) -> BoundRun:
    batch = repeated(blank, size)
    bound = session.bind(batch)
    bound.run(batch)
    return bound


def _seconds(bound: BoundRun, blank: Tensor, *, size: int) -> float:
    batch = repeated(blank, size)
    times_s = []
    for _ in range(_RUNS):
        started_s = time.perf_counter()
        bound.run(batch)
        times_s.append(time.perf_counter() - started_s)
    return median(times_s)
