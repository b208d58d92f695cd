"""Tries a network before it is written down: alone, in company, and on a real picture, through the engine that serves.

Four pictures that differ as much as pictures can are enough to see what its numbers are, whether it looks at its input
at all, and whether the answer for one picture changes with what shares its run.

The picture that is tried where none is given is a photograph of a piece of clothing from the Clothing dataset (small),
CC0; what it shows does not matter, what the network makes of it is pinned.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.adding.form import Form
from service.adding.told import Notes
from service.artifact import Input, Output, Precision
from service.engine.forms import Sessions
from service.engine.postprocessing import to_probabilities
from service.engine.predictor import Classification, Classifier, Sent
from service.engine.preprocessing import FORMATS, Tensor
from service.engine.session import Session
from service.errors import ArtifactError, InferenceError, InputError

PICTURE: Final = Path(__file__).with_name("picture.jpg")
MOST_PIXELS: Final = 64_000_000
_SHOWN: Final = 200  # characters of the runtime's own words
_MOST_PICTURE_BYTES: Final = 20 * 2**20
_AXES: Final = {"NCHW": (0, 3, 1, 2), "NHWC": (0, 1, 2, 3), "NHW": (0, 1, 2)}  # out of N, H, W, C
# Largest difference of a probability between a picture alone and in a batch that comes from the order of additions.
_SAME: Final[dict[Precision, float]] = {"fp32": 1e-4, "fp16": 5e-3, "int8": 1e-4}


@dataclass(frozen=True, slots=True)
class Trial:
    """A network that runs, and how pictures lie in memory for it.

    Args:
        session: The network on the CPU.
        form: The form it takes.
        fitting: How many of the forms that its file allows run.

    """

    session: Session
    form: Form
    fitting: int


def first_that_runs(model: bytes, forms: list[Form], *, output: str) -> Trial:
    """Find the form that a network takes.

    Args:
        model: Its file.
        forms: What its file allows, the likeliest first.
        output: Name of the output that answers.

    Raises:
        InferenceError: It takes none of them.

    """
    session = Session.load(model, input_name=forms[0].tensor, output_name=output, quiet=True)
    failures: list[InferenceError] = []
    fitting = []
    for form in forms:
        try:
            session.run(_blank(form))
        except InferenceError as error:
            failures.append(error)
        else:
            fitting.append(form)
    if fitting:
        return Trial(session, fitting[0], len(fitting))
    first = failures[0]
    if not forms[0].is_size_assumed:
        raise first
    rows, columns = forms[0].size
    advice = f"{rows}x{columns} was assumed because the file leaves the size open; give --size"
    raise InferenceError(f"{first} ({advice})") from first


def _blank(form: Form) -> Tensor:
    sizes = {"N": 1, "C": form.channels, "H": form.size[0], "W": form.size[1]}
    return np.zeros([sizes[axis] for axis in form.layout], dtype=form.dtype)


def probes(spec: Input) -> Tensor:
    """Make four pictures as the preprocessing leaves them: black, white, noise, and a slope from corner to corner."""
    shape = (spec.height, spec.width, spec.channels)
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    slope = np.linspace(0, 255, noise.size, dtype=np.float32).reshape(shape)
    pixels_NHWC = np.stack([np.zeros_like(slope), np.full_like(slope, 255), noise, slope])
    steps = spec.preprocessing
    scale, mean, std = (np.asarray(values, dtype=np.float32) for values in (steps.scale, steps.mean, steps.std))
    values_NHWC = (pixels_NHWC * scale - mean) / std
    if spec.layout == "NHW":
        values_NHWC = values_NHWC[..., 0]
    tensor: Tensor = np.ascontiguousarray(values_NHWC.transpose(_AXES[spec.layout]), dtype=spec.dtype)
    return tensor


def alone(trial: Trial, spec: Input, *, notes: Notes) -> NDArray[np.float32]:
    """Run the four pictures one by one.

    Args:
        trial: A network that runs.
        spec: The manifest's input.
        notes: Where it is written that a network does not look at its input.

    Returns:
        [4, K].

    Raises:
        InferenceError: The network fails on one of them.

    """
    values_NK = np.concatenate([trial.session.run(picture[np.newaxis]) for picture in probes(spec)])
    if np.ptp(values_NK, axis=0).max() == 0:
        notes.find("WARNING: the network gave exactly the same answer for four very different pictures")
    return values_NK


def largest_batch(
    trial: Trial, spec: Input, values_NK: NDArray[np.float32], *, output: Output, precision: Precision, notes: Notes
) -> int | None:
    """Find out how many pictures may share a run.

    Args:
        trial: A network that runs.
        spec: The manifest's input.
        values_NK: What it gives for each of the four pictures alone.
        output: What its numbers are.
        precision: Of its weights.
        notes: Where the reason is written.

    Returns:
        The only number of pictures, or None for any.

    Raises:
        InferenceError: Only a batch of several runs, and the answers in it depend on each other.

    """
    fixed = trial.session.fixed_batch
    if fixed == 1:
        return 1
    expected_NK = to_probabilities(values_NK, holds=output.holds)
    try:
        together_NK = to_probabilities(trial.session.run(probes(spec)), holds=output.holds)
    except InferenceError as error:
        what = f"a batch of four fails ({str(error).splitlines()[0][:_SHOWN]})"
    else:
        if together_NK.shape == expected_NK.shape:
            difference = float(np.abs(expected_NK - together_NK).max())
            if difference <= _SAME[precision]:
                return fixed
            what = f"in a batch its probabilities change by up to {difference:.2g}"
        else:
            what = "a batch of four gives answers of another length"
    if fixed is None:
        notes.find(f"one picture a run: {what}")
        return 1
    reason = "export it for one picture or for any number"
    raise InferenceError(f"The network takes {fixed} pictures at a time, and {what}; {reason}.")


def read_picture(path: Path | None) -> tuple[str, bytes]:
    """Read the picture that a network is tried with.

    Args:
        path: None for the one that comes with this program.

    Returns:
        Its name inside the model folder, and its bytes.

    Raises:
        ArtifactError: It cannot be read.

    """
    path = path or PICTURE
    try:
        if path.stat().st_size > _MOST_PICTURE_BYTES:
            raise ArtifactError(path, reason=f"has more than {_MOST_PICTURE_BYTES} bytes; a smaller picture will do")
        data = path.read_bytes()
    except OSError as error:
        raise ArtifactError(path, reason=f"cannot be read ({error.strerror})") from error
    suffix = path.suffix.lower()
    return f"samples/picture{suffix if suffix.isascii() and suffix[1:].isalnum() else ''}", data


def classified(
    trial: Trial, spec: Input, output: Output, *, classes: int, picture: bytes, path: Path | None
) -> tuple[Classification, float]:
    """Classify the picture alone and in a batch of three, as requests are.

    Args:
        trial: A network that runs.
        spec: The manifest's input, with its batch.
        output: The manifest's output.
        classes: Number of labels.
        picture: Encoded.
        path: Of the picture, for messages.

    Returns:
        What it gives alone, and the largest difference of a probability in company.

    Raises:
        ArtifactError: The picture cannot be read.
        InferenceError: The network fails.

    """
    session = replace(trial.session, fixed_batch=spec.batch)
    classifier = Classifier(Sessions(session), spec, output, classes, max_pixels=MOST_PIXELS)
    try:
        single = classifier.classify(picture)
    except InputError as error:
        raise ArtifactError(path or PICTURE, reason=f"{error} Known formats: {', '.join(FORMATS)}.") from error
    several = classifier.classify_each([Sent(picture)] * 3, alone=False)
    answers = [one.probabilities for one in several if isinstance(one, Classification)]
    return single, max(float(np.abs(answer - single.probabilities).max()) for answer in answers)
