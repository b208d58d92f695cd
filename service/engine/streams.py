"""A network on a device, several times: each stream has a session of its own and memory for every batch size.

Sessions of one process share a device better than runs of one session do, because a session's runs wait for each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from service.engine.predictor import Classification, Classifier, Prepared
from service.engine.session import BoundRun, Session


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
        """Bind and run every size on every stream once.

        Raises:
            InferenceError: The network does not take a batch of such a size.

        """
        blank = classifier.blank_batch()
        runs = []
        for session in sessions:
            bound = {}
            for size in sizes:
                batch = np.repeat(blank, size, axis=0)
                bound[size] = session.bind(batch)
                bound[size].run(batch)
            runs.append(bound)
        return cls(classifier, tuple(runs))

    def run(self, pictures: Sequence[Prepared], /, *, size: int, stream: int) -> list[Classification]:
        """Run prepared pictures together; what the batch is padded with is thrown away.

        Raises:
            InferenceError: The network failed.

        """
        return self.classifier.classify_prepared(pictures, self.runs[stream][size].run, size=size)
