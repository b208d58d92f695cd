"""The ranges that tensors take on training pictures; int8 has 256 steps, and these say where they lie.

`minmax` covers everything that was seen. `percentile` and `entropy` cut rare large values off, so that the others get
finer steps: one keeps 99.99 % of them, the other loses the least information about their distribution.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import onnx
from onnxruntime.quantization.calibrate import CalibrationMethod, create_calibrator

from service.artifact import Input
from training.publication.evaluation import Tensors
from training.quantization.inputs import Inputs
from training.quantization.layers import CARRIER_TYPES, LAYER_TYPES
from training.quantization.quiet import quietly

Calibration = Literal["minmax", "percentile", "entropy"]
CALIBRATIONS: tuple[Calibration, ...] = ("minmax", "percentile", "entropy")

_METHODS: dict[Calibration, tuple[Any, dict[str, object]]] = {
    "minmax": (CalibrationMethod.MinMax, {}),
    # Asymmetric, as the numbers behind a GELU or ReLU are; the library's own default would give their negative side
    # half of the steps.
    "percentile": (CalibrationMethod.Percentile, {"percentile": 99.99, "symmetric": False}),
    "entropy": (CalibrationMethod.Entropy, {}),
}
_PIXELS_AT_ONCE = 16 * 32 * 32  # the library keeps every tensor of a portion in memory: 16 pictures of CIFAR-10


class _Portion:
    """One portion of pictures as the library wants to be fed."""

    def __init__(self, name: str, tensors: Tensors) -> None:
        self._feeds: Iterator[dict[str, Tensors]] = iter([{name: tensors}])

    def get_next(self) -> dict[str, Tensors] | None:
        return next(self._feeds, None)


def tensor_ranges(
    model: onnx.ModelProto, *, calibration: Calibration, inputs: Inputs, spec: Input, fixed_batch: int | None
) -> Any:  # noqa: ANN401  - the library's type, which it ships without annotations; only `int8.py` looks inside
    """Run pictures through a graph and note the range of every tensor that may be quantised.

    Args:
        model: As `prepared` gives it.
        calibration: How ranges follow from values.
        inputs: Of training pictures.
        spec: The manifest's input.
        fixed_batch: The only batch size that the network takes, if there is one.

    """
    size = fixed_batch or max(1, _PIXELS_AT_ONCE // (spec.height * spec.width))
    method, options = _METHODS[calibration]
    with tempfile.TemporaryDirectory(prefix="convserve-calibrate-") as folder, quietly():
        path = Path(folder, "model.onnx")
        onnx.save_model(model, path)
        calibrator = create_calibrator(
            path,
            sorted(LAYER_TYPES | CARRIER_TYPES),
            augmented_model_path=str(Path(folder, "augmented.onnx")),
            calibrate_method=method,
            extra_options=options,
        )
        for tensors in _portions(inputs, size=size, fixed=fixed_batch is not None):
            calibrator.collect_data(_Portion(spec.tensor, tensors))
        return calibrator.compute_data()


def _portions(inputs: Inputs, *, size: int, fixed: bool) -> Iterable[Tensors]:
    return inputs.batches(size, whole=fixed)
