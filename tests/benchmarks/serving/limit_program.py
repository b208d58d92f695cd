"""What the machine can do at most: decode, preprocessing and network in this process, without HTTP and without mallopt.

Decoding and preprocessing are the service's own code; the network runs in a bare ONNX Runtime session, because the
forms to choose from include some that the service never takes. One caller is measured in every thread form, several
callers in those that can make sense. Run as a process of its own, one JSON list on standard output:

    python -m tests.benchmarks.serving.limit_program MODEL_FOLDER PRECISION SECONDS PICTURE...
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.artifact import MANIFEST_NAME, Input, Manifest, load_manifest
from service.engine.preprocessing import decoded, to_tensor
from service.engine.session import PROVIDERS  # first of all: the runtime reads on import that it shall not report
from tests.benchmarks.serving.scenarios import CORES

import onnxruntime as ort  # isort: skip  # after the line above, for its reason

_MAX_PIXELS: Final = 64_000_000
_WARM_UP_RUNS: Final = 3


@dataclass(frozen=True, slots=True)
class Form:
    """How callers and threads share the cores.

    Args:
        callers: Threads that classify one picture after another.
        intra: Threads of the runtime for one run.
        spinning: Whether these wait in a loop.

    """

    callers: int
    intra: int
    spinning: bool

    @property
    def name(self) -> str:
        """Say it in words."""
        waiting = "" if self.intra == 1 else ", spinning" if self.spinning else ", not spinning"
        return f"{self.callers} x intra {self.intra}{waiting}"


def forms(cores: int) -> tuple[Form, ...]:
    """List the forms to try: one caller in every thread form, 2 to 4 callers on one thread each, 2 on all cores."""
    alone = [
        Form(1, intra, spinning)
        for intra in sorted({1, 2, cores // 2 or 1, cores} & set(range(1, cores + 1)))
        for spinning in ((False, True) if intra > 1 else (False,))
    ]
    several = [Form(callers, 1, spinning=False) for callers in sorted({2, 3, 4, cores})]
    shared = [Form(2, cores, spinning=False)] if cores > 1 else []
    return (*alone, *(form for form in several if form.callers > 1), *shared)


def session_of(network: bytes, form: Form) -> ort.InferenceSession:
    """Load the network for a form."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = form.intra
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(form.spinning)))
    return ort.InferenceSession(network, options, providers=[PROVIDERS["cpu"]])


def work_of(session: ort.InferenceSession, manifest: Manifest) -> Callable[[bytes], None]:
    """Give the work of one request: decode, preprocess, run."""
    output, spec = manifest.output.tensor, manifest.input

    def classify(data: bytes) -> None:
        session.run([output], {spec.tensor: _batch_of(data, spec)})

    return classify


def _batch_of(data: bytes, spec: Input):  # type: ignore[no-untyped-def]  # noqa: ANN202  whatever `to_tensor` gives
    with decoded(data, max_pixels=_MAX_PIXELS) as picture:
        return to_tensor(picture, spec)[None]


def measured(
    classify: Callable[[bytes], None], pictures: Sequence[bytes], *, callers: int, seconds: float
) -> list[float]:
    """Let callers classify for some time.

    Returns:
        Seconds of each request, in no order; those that ran over the end count not.

    """
    times_s: list[float] = []
    barrier = threading.Barrier(callers)

    def call(number: int) -> None:
        turns = itertools.islice(itertools.cycle(pictures), number, None)
        for data in itertools.islice(turns, _WARM_UP_RUNS):
            classify(data)
        barrier.wait()
        ends_s = time.perf_counter() + seconds
        for data in turns:
            started_s = time.perf_counter()
            classify(data)
            ended_s = time.perf_counter()
            if ended_s > ends_s and times_s:
                return
            times_s.append(ended_s - started_s)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times_s


def main(folder: Path, precision: str, seconds: float, pictures: Sequence[bytes]) -> list[dict[str, object]]:
    """Measure every form."""
    manifest = load_manifest(folder / MANIFEST_NAME)
    variant = manifest.variant(precision)
    if variant is None:
        raise SystemExit(f"{folder} has no {precision} variant")
    network = (folder / variant.file).read_bytes()
    found: list[dict[str, object]] = []
    for form in forms(CORES):
        classify = work_of(session_of(network, form), manifest)
        times_s = measured(classify, pictures, callers=form.callers, seconds=seconds)
        found.append(
            {
                "form": form.name,
                "callers": form.callers,
                "rate_per_s": form.callers / (sum(times_s) / len(times_s)),
            }
        )
    return found


if __name__ == "__main__":
    rows = main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), [Path(name).read_bytes() for name in sys.argv[4:]])
    print(json.dumps(rows))  # noqa: T201  a program's result
