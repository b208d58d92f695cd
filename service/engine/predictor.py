"""The use case: a picture's bytes in, probabilities out.

`classify` is the work itself, on whatever thread calls it; `predict` runs it in the model's lane. Golden samples and
requests go through the same `classify`, so that what is verified is what answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.artifact import Decoding, Input, Output
from service.engine.postprocessing import to_probabilities
from service.engine.preprocessing import decoded, reduction_for, to_tensor
from service.engine.scheduler import Lane
from service.engine.session import Session
from service.errors import InferenceError

_STAGE_ORDER: Final = ("queue", "decode", "preprocess", "inference", "postprocess")


@dataclass(frozen=True, slots=True)
class Classification:
    """One picture's answer.

    Args:
        probabilities: [K] in label order.
        stages_s: Seconds by stage, in the order in which they ran.
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.
        reduction: Columns and rows of the file for each that was decoded; 1 where the decoding was exact.

    """

    probabilities: NDArray[np.float32]
    stages_s: dict[str, float]
    width: int
    height: int
    reduction: int = 1


@dataclass(frozen=True, slots=True)
class Classifier:
    """A loaded network with everything that stands before and behind it.

    Args:
        session: The network.
        input: How pictures become its tensor.
        output: What its values are.
        classes: Number of labels.
        max_pixels: Most pixels of a picture.

    """

    session: Session
    input: Input
    output: Output
    classes: int
    max_pixels: int

    def classify(self, data: bytes, *, decoding: Decoding = "exact") -> Classification:
        """Classify the picture in `data` on this thread.

        Exact unless asked otherwise, because golden samples pin what exact decoding gives.

        Raises:
            InputError: The bytes are no picture that can be read.
            InferenceError: The network fails, or answers for another number of classes than there are labels.

        """
        start = time.perf_counter()
        reduction = reduction_for(self.input) if decoding == "fast" else None
        with decoded(data, max_pixels=self.max_pixels, reduction=reduction) as picture:
            pixels_there = time.perf_counter()
            batch = to_tensor(picture, self.input)[np.newaxis]
            facts = {"width": picture.width, "height": picture.height, "reduction": picture.reduction}
        del picture  # its pixels, before the network runs
        prepared = time.perf_counter()
        values = self.session.run(batch)
        ran = time.perf_counter()
        probabilities = self.probabilities_of(values)
        stages_s = {
            "decode": pixels_there - start,
            "preprocess": prepared - pixels_there,
            "inference": ran - prepared,
            "postprocess": time.perf_counter() - ran,
        }
        return Classification(probabilities, stages_s, **facts)

    def probabilities_of(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Read what the network put out for one picture.

        Args:
            values: [1, K], or [1, 1] for a sigmoid.

        Returns:
            [K] in label order.

        Raises:
            InferenceError: They are no probabilities, or for another number of classes than there are labels.

        """
        probabilities: NDArray[np.float32] = to_probabilities(values, holds=self.output.holds)[0]
        if len(probabilities) != self.classes:
            raise InferenceError(f"The network answers for {len(probabilities)} classes and has {self.classes} labels.")
        return probabilities

    def blank_batch(self) -> NDArray[np.float32] | NDArray[np.uint8]:
        """Make a batch of one black picture, for warming up a model that brings no samples."""
        spec = self.input
        shapes = {
            "NCHW": (spec.channels, spec.height, spec.width),
            "NHWC": (spec.height, spec.width, spec.channels),
            "NHW": (spec.height, spec.width),
        }
        return np.zeros((1, *shapes[spec.layout]), dtype=spec.dtype)


async def predict(
    classify: Callable[[bytes], Classification], data: bytes, *, lane: Lane, deadline_s: float
) -> Classification:
    """Classify a picture in a lane, and add the time that it waited.

    Raises:
        InputError, InferenceError: As `Classifier.classify`.
        UnavailableError, DeadlineExceededError: As `Lane.submit`.

    """
    finished = await lane.submit(lambda: classify(data), deadline_s=deadline_s)
    answer = finished.value
    stages_s = {**answer.stages_s, "queue": finished.waited_s}
    return replace(answer, stages_s={stage: stages_s[stage] for stage in _STAGE_ORDER})
