"""The use case: a picture's bytes in, probabilities out; or a tensor that a caller has made of one.

`classify` is the work itself, on whatever thread calls it; `classify_each` does it for several pictures in one run of
the network; `predict` has it done in the model's lane. Golden samples and requests go through the same steps, so that
what is verified is what answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from service.artifact import Decoding, Input, Output
from service.engine.forms import Sessions
from service.engine.lane import Lane
from service.engine.postprocessing import to_probabilities
from service.engine.preprocessing import Tensor, decoded, reduction_for, to_tensor
from service.engine.session import Session
from service.errors import InferenceError

Run: TypeAlias = Callable[[Tensor], NDArray[np.float32]]

_LARGE_BYTES: Final = 1e6  # the unit of a picture's size in its lane's cost

# Seconds of decoding and preprocessing for each million bytes of JPEG before a model has seen any: 100 KB of 500x375
# take 2.3 ms and 2 MB of 12 megapixels 54 to 90 ms on one core.
SECONDS_PER_SIZE: Final = 0.03


@dataclass(frozen=True, slots=True)
class Classification:
    """One picture's answer.

    Args:
        probabilities: [K] in label order.
        scores: [K], what the network's output tensor holds: its logits where it gives one for each class, else the
            probabilities.
        stages_s: Seconds by stage, in the order in which they ran.
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.
        batch: Pictures that shared the run of the network, itself included.
        reduction: Columns and rows of the file for each that was decoded; 1 where the decoding was exact.

    """

    probabilities: NDArray[np.float32]
    scores: NDArray[np.float32]
    stages_s: dict[str, float]
    width: int
    height: int
    batch: int = 1
    reduction: int = 1


@dataclass(frozen=True, slots=True)
class Sent:
    """An encoded picture, and how it is to be decoded; or the tensor that its caller has made of one.

    Exact unless asked otherwise, because golden samples pin what exact decoding gives. A tensor has the form of the
    network's input, without batch axis.
    """

    data: bytes | Tensor
    decoding: Decoding = "exact"

    @property
    def size(self) -> float:
        """How large it is, in the unit of its lane's cost: a tensor costs no decoding."""
        return len(self.data) / _LARGE_BYTES if isinstance(self.data, bytes) else 0.0

    @property
    def bytes_held(self) -> int:
        """Memory that it takes."""
        return len(self.data) if isinstance(self.data, bytes) else self.data.nbytes


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture that has become a tensor without batch axis, and how long each stage of that took."""

    tensor: Tensor
    width: int
    height: int
    reduction: int
    stages_s: dict[str, float]


@dataclass(frozen=True, slots=True)
class Classifier:
    """A loaded network with everything that stands before and behind it.

    Args:
        sessions: The network, in the forms in which it is loaded.
        input: How pictures become its tensor.
        output: What its values are.
        classes: Number of labels.
        max_pixels: Most pixels of a picture.

    """

    sessions: Sessions
    input: Input
    output: Output
    classes: int
    max_pixels: int

    @property
    def session(self) -> Session:
        """The network in the form that is always loaded."""
        return self.sessions.narrow

    def classify(self, data: bytes, *, session: Session | None = None) -> Classification:
        """Classify the picture in `data`, decoded exactly, on this thread.

        Args:
            data: An encoded picture.
            session: Which form runs; None for the one that is always loaded.

        Raises:
            InputError: The bytes are no picture that can be read.
            InferenceError: The network fails, or answers for another number of classes than there are labels.

        """
        (answer,) = self.classify_prepared([self.prepare(Sent(data))], (session or self.session).run)
        return answer

    def classify_each(self, pictures: Sequence[Sent], *, alone: bool) -> list[Classification | BaseException]:
        """Classify pictures in one run of the network; one that fails, in whatever way, fails alone.

        Args:
            pictures: At least one.
            alone: Whether nothing else runs or waits on this machine.

        Returns:
            For each its answer or its error.

        Raises:
            InputError, InferenceError: What the only picture meets.

        """
        run = self.sessions.session(alone=alone).run
        if len(pictures) == 1:
            return [*self.classify_prepared([self.prepare(pictures[0])], run)]
        prepared = [self._prepared_or_error(sent) for sent in pictures]
        good = [one for one in prepared if isinstance(one, Prepared)]
        answers = iter(self.classify_together(good, run) if good else ())
        try:
            return [next(answers) if isinstance(one, Prepared) else one for one in prepared]
        finally:
            del prepared, answers  # an error's traceback holds this frame: each would keep the other in memory

    def classify_together(
        self, pictures: Sequence[Prepared], run: Run, *, size: int | None = None
    ) -> list[Classification | Exception]:
        """Run the network once for some pictures; where that fails, once for each, so that only the culprit fails.

        Args:
            pictures: At least one.
            run: Of one of the network's sessions.
            size: What a batch is padded to; None for no padding.

        Returns:
            For each its answer or its error.

        """
        try:
            return [*self.classify_prepared(pictures, run, size=size)]
        except InferenceError as error:
            if len(pictures) == 1:
                return [error]
        return [*chain.from_iterable(self.classify_together([one], run, size=size) for one in pictures)]

    def classify_last(self, data: bytes, *, run: Run, size: int) -> Classification:
        """Classify the picture in `data` behind black ones that fill its batch: these must not change its answer.

        Args:
            data: An encoded picture.
            run: Of one of the network's sessions.
            size: Of the batch.

        Raises:
            InputError, InferenceError: As `classify`.

        """
        prepared = self.prepare(Sent(data))
        black = replace(prepared, tensor=self.blank_batch()[0])
        return self.classify_prepared([*[black] * (size - 1), prepared], run)[-1]

    def classify_prepared(
        self, pictures: Sequence[Prepared], run: Run, *, size: int | None = None
    ) -> list[Classification]:
        """Run the network once for some pictures.

        Args:
            pictures: At least one.
            run: Of one of the network's sessions.
            size: What the batch is padded to; None for no padding.

        Raises:
            InferenceError: The network fails, or answers for another number of classes than there are labels.

        """
        batch = _batch([picture.tensor for picture in pictures], size=size or len(pictures))
        started_s = time.perf_counter()
        values = run(batch)
        inference_s = time.perf_counter() - started_s
        return [
            self._classification(picture, values[row : row + 1], inference_s=inference_s)
            for row, picture in enumerate(pictures)
        ]

    def prepare(self, sent: Sent) -> Prepared:
        """Decode a picture and bring it into the form of the network's input; a tensor has that form already.

        Raises:
            InputError: The bytes are no picture that can be read.

        """
        if not isinstance(sent.data, bytes):
            return Prepared(sent.data, self.input.width, self.input.height, reduction=1, stages_s={})
        started_s = time.perf_counter()
        reduction = reduction_for(self.input) if sent.decoding == "fast" else None
        with decoded(sent.data, max_pixels=self.max_pixels, reduction=reduction) as picture:
            pixels_there_s = time.perf_counter()
            tensor = to_tensor(picture, self.input)
            facts = (picture.width, picture.height, picture.reduction)
        del picture  # its pixels, before the network runs
        ended_s = time.perf_counter()
        stages_s = {"decode": pixels_there_s - started_s, "preprocess": ended_s - pixels_there_s}
        return Prepared(tensor, *facts, stages_s)

    def _prepared_or_error(self, sent: Sent) -> Prepared | Exception:
        try:
            return self.prepare(sent)
        except Exception as error:  # noqa: BLE001  memory too: what one picture meets is no business of its batch
            return error

    def _classification(self, prepared: Prepared, values: NDArray[np.float32], *, inference_s: float) -> Classification:
        started_s = time.perf_counter()
        probabilities = self.probabilities_of(values)
        scores = values[0] if self.output.holds == "logits" else probabilities
        postprocess_s = time.perf_counter() - started_s
        stages_s = {**prepared.stages_s, "inference": inference_s, "postprocess": postprocess_s}
        facts = (prepared.width, prepared.height)
        return Classification(probabilities, scores, stages_s, *facts, reduction=prepared.reduction)

    def probabilities_of(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Read what the network put out for one picture.

        Args:
            values: [1, K], or [1, 1] for a sigmoid and for its logit.

        Returns:
            [K] in label order.

        Raises:
            InferenceError: They are no probabilities, or for another number of classes than there are labels.

        """
        probabilities: NDArray[np.float32] = to_probabilities(values, holds=self.output.holds)[0]
        if len(probabilities) != self.classes:
            raise InferenceError(f"The network answers for {len(probabilities)} classes and has {self.classes} labels.")
        return probabilities

    def blank_batch(self) -> Tensor:
        """Make a batch of one black picture, for warming up a model that brings no samples."""
        spec = self.input
        shapes = {
            "NCHW": (spec.channels, spec.height, spec.width),
            "NHWC": (spec.height, spec.width, spec.channels),
            "NHW": (spec.height, spec.width),
        }
        return np.zeros((1, *shapes[spec.layout]), dtype=spec.dtype)


def _batch(tensors: Sequence[Tensor], *, size: int) -> Tensor:
    """Lay tensors out as one batch; a single one is not copied."""
    if len(tensors) == size == 1:
        return tensors[0][np.newaxis]
    batch = np.zeros((size, *tensors[0].shape), dtype=tensors[0].dtype)
    for place, tensor in zip(batch, tensors, strict=False):  # what is left over is the padding
        place[...] = tensor
    return batch


def repeated(blank: Tensor, size: int) -> Tensor:
    """Make a batch of one picture many times."""
    batch = np.empty((size, *blank.shape[1:]), dtype=blank.dtype)
    batch[...] = blank
    return batch


PictureLane = Lane[Sent, Classification]


async def predict(
    sent: Sent, *, lane: PictureLane, deadline_s: float, urgent: bool = True, accepted: bool = False
) -> Classification:
    """Classify a picture in a lane, and add the time that it waited; a tensor has no decoding among its stages.

    Raises:
        InputError, InferenceError: As `Classifier.classify`.
        UnavailableError, DeadlineExceededError: As `Lane.submit`.

    """
    finished = await lane.submit(sent, deadline_s=deadline_s, size=sent.size, urgent=urgent, accepted=accepted)
    answer = finished.value
    return Classification(  # `replace` would take twice as long
        answer.probabilities,
        answer.scores,
        {"queue": finished.waited_s, **answer.stages_s},
        answer.width,
        answer.height,
        batch=finished.batch,
        reduction=answer.reduction,
    )
