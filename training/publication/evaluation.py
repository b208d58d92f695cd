"""An ONNX file put to the test through the very code that will serve it: decoder, preprocessing, session.

Evaluation comes after export on purpose: what is measured is what is deployed.

Axes: N pictures, K classes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from service.artifact import Input, Output
from service.engine.postprocessing import to_probabilities
from service.engine.preprocessing import decode, to_tensor
from service.engine.session import Session
from service.errors import InputError
from training.data import Example
from training.data.preprocessing import MAX_PIXELS
from training.errors import DataError

_BATCH = 250

Tensors = NDArray[np.float32] | NDArray[np.float16] | NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a model says about pictures of known class.

    Args:
        probabilities_NK: Rows sum to 1.
        labels_N: True classes.
        brightness_N: Mean input value of each picture before mean and std, 0..1.

    """

    probabilities_NK: NDArray[np.float32]  # noqa: N815  # axes in the name
    labels_N: NDArray[np.int64]  # noqa: N815  # axes in the name
    brightness_N: NDArray[np.float64]  # noqa: N815  # axes in the name


def load_session(model: bytes, *, spec: Input, output: Output, threads: int = 1) -> Session:
    """Load an ONNX file on the CPU with the names of its manifest."""
    return Session.load(model, input_name=spec.tensor, output_name=output.tensor, threads=threads)


def predict(session: Session, examples: Iterable[Example], *, spec: Input, output: Output) -> Predictions:
    """Classify encoded pictures as the service does.

    Args:
        session: The loaded model.
        examples: At least one picture.
        spec: The manifest's input.
        output: The manifest's output.

    Raises:
        DataError: A picture cannot be read, and the text names it; or there is none.

    """
    brightness: list[NDArray[np.float64]] = []
    labels: list[int] = []

    def tensors() -> Iterator[Tensors]:
        for example in examples:
            tensor = _tensor(example, spec)
            labels.append(example.label)
            brightness.append(brightness_of(tensor[None], spec=spec))
            yield tensor

    probabilities_NK = classify(session, tensors(), output=output)
    if not labels:
        raise DataError("There is not a single picture to evaluate on.")
    return Predictions(probabilities_NK, np.array(labels, dtype=np.int64), np.concatenate(brightness))


def classify(session: Session, tensors: Iterable[Tensors], *, output: Output) -> NDArray[np.float32]:
    """Run inputs in portions.

    Args:
        session: The loaded model.
        tensors: Without batch axis.
        output: The manifest's output.

    Returns:
        probabilities_NK in the order of the inputs.

    """
    rows = [
        to_probabilities(_run(session, cast(Tensors, np.stack(portion))), holds=output.holds)  # all of one type
        for portion in _portions(tensors, size=session.fixed_batch or _BATCH)
    ]
    return np.concatenate(rows) if rows else np.empty((0, 0), dtype=np.float32)


def brightness_of(tensors: Tensors, *, spec: Input) -> NDArray[np.float64]:
    """Take mean and std back out of inputs and average: 0 is black, 1 is white.

    Args:
        tensors: [N, ...] in the layout of `spec`.
        spec: The manifest's input.

    """
    steps = spec.preprocessing
    channel_axis = {"NCHW": 1, "NHWC": 3, "NHW": None}[spec.layout]
    inner = tuple(axis for axis in range(1, tensors.ndim) if axis != channel_axis)
    means_NC = tensors.mean(axis=inner, dtype=np.float64).reshape(len(tensors), -1)
    pixels_NC = (means_NC * np.array(steps.std) + np.array(steps.mean)) / steps.scale
    brightness: NDArray[np.float64] = pixels_NC.mean(axis=1) / 255
    return brightness


def _tensor(example: Example, spec: Input) -> Tensors:
    try:
        return to_tensor(decode(example.encoded, max_pixels=MAX_PIXELS), spec)
    except InputError as error:
        raise DataError(f"{example.origin}: {error}") from error


def _run(session: Session, tensors: Tensors) -> NDArray[np.float32]:
    """Run a portion; a last one that is too short for a fixed batch is filled up with its first picture."""
    missing = (session.fixed_batch or len(tensors)) - len(tensors)
    filled = np.concatenate([tensors, np.repeat(tensors[:1], missing, axis=0)]) if missing else tensors
    return session.run(filled)[: len(tensors)]


def _portions(tensors: Iterable[Tensors], *, size: int) -> Iterator[list[Tensors]]:
    rest = iter(tensors)
    while portion := list(itertools.islice(rest, size)):
        yield portion
