"""How long one picture takes, from its file to its probabilities, alone on this machine.

Pictures run one by one through decoder, preprocessing and network, as a request does; whatever the graph itself does
more than once, such as test-time augmentation, is counted with it. HTTP and queueing are not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from service.artifact import Input, Output
from service.engine.postprocessing import to_probabilities
from service.engine.preprocessing import decode, to_tensor
from service.engine.session import Session
from training.data import Example
from training.data.preprocessing import MAX_PIXELS
from training.publication.evaluation import Tensors

_WARM_UP = 10  # the first runs allocate memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long a step takes, in milliseconds.

    Args:
        median_ms: Half of the pictures take no longer.
        p10_ms: A tenth takes no longer.
        p90_ms: Nine tenths take no longer.

    """

    median_ms: float
    p10_ms: float
    p90_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Time of single pictures.

    Args:
        n: Number of pictures that were timed.
        threads: Threads of one run of the network.
        hardware: Processor, and how many cores.
        total: From the bytes of a file to probabilities.
        decode: Of it, reading the file.
        preprocess: Of it, bringing the picture to the network's input.
        infer: Of it, the network.

    """

    n: int
    threads: int
    hardware: str
    total: Timing
    decode: Timing
    preprocess: Timing
    infer: Timing


def measure_latency(
    session: Session,
    examples: Sequence[Example],
    *,
    spec: Input,
    output: Output,
    threads: int,
    hardware: str,
    clock: Callable[[], float],
) -> Latency:
    """Time pictures one by one, after a few that warm up.

    Args:
        session: The loaded model.
        examples: At least one that can be decoded; each is timed once.
        spec: The manifest's input.
        output: The manifest's output.
        threads: With which the session was loaded.
        hardware: In words.
        clock: Seconds that never go back.

    """
    batch = session.fixed_batch or 1
    for example in (list(examples) * _WARM_UP)[:_WARM_UP]:
        _timed(session, example, spec=spec, output=output, batch=batch, clock=clock)
    times_N4 = np.array(
        [_timed(session, example, spec=spec, output=output, batch=batch, clock=clock) for example in examples]
    )
    decode_N, preprocess_N, infer_N, total_N = times_N4.T
    return Latency(
        n=len(examples),
        threads=threads,
        hardware=hardware,
        total=_timing(total_N),
        decode=_timing(decode_N),
        preprocess=_timing(preprocess_N),
        infer=_timing(infer_N),
    )


def _timed(
    session: Session, example: Example, *, spec: Input, output: Output, batch: int, clock: Callable[[], float]
) -> tuple[float, float, float, float]:
    """Give the seconds of decoding, preprocessing, inference, and of all together."""
    begin_s = clock()
    picture = decode(example.encoded, max_pixels=MAX_PIXELS)
    decoded_s = clock()
    tensor = to_tensor(picture, spec)
    prepared_s = clock()
    filled = cast(Tensors, np.repeat(tensor[None], batch, axis=0))  # NumPy's types forget which of the two it is
    to_probabilities(session.run(filled), holds=output.holds)
    end_s = clock()
    return decoded_s - begin_s, prepared_s - decoded_s, end_s - prepared_s, end_s - begin_s


def _timing(seconds_N: NDArray[np.float64]) -> Timing:
    p10, median, p90 = np.quantile(1000 * seconds_N, [0.1, 0.5, 0.9])
    return Timing(median_ms=float(median), p10_ms=float(p10), p90_ms=float(p90))
