"""How far scaled decoding moves the pixels that a network sees, against exact decoding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.artifact import MANIFEST_NAME, Input, load_manifest
from service.engine.decoding import Reduction
from service.engine.preprocessing import decoded, reduction_for, to_tensor
from tests.benchmarks.serving.figures import OURS, Figures, Key
from tests.benchmarks.serving.materials import models_dir, picture_files
from tests.benchmarks.serving.scenarios import Scenario
from tests.benchmarks.serving.workplace import Workplace

_MAX_PIXELS: Final = 64_000_000
_FORM: Final = "tensors, in steps of 255"


def note_difference(figures: Figures, scenario: Scenario, *, workplace: Workplace) -> None:
    """Note the mean and the largest difference over the pictures of a scenario, in steps of 255."""
    spec = load_manifest(models_dir(scenario.model, workplace=workplace) / scenario.model / "1" / MANIFEST_NAME).input
    differences = list(_differences(picture_files(scenario.pictures, workplace=workplace), spec))
    key = Key(scenario.name, OURS, _FORM, "mean_difference")
    figures.add(key, float(np.mean([values.mean() for values in differences])))
    figures.add(Key(scenario.name, OURS, _FORM, "largest_difference"), max(float(one.max()) for one in differences))


def steps_of_255(tensor_CHW: NDArray[np.float32], spec: Input) -> NDArray[np.float32]:
    """Take normalisation back out of a tensor."""
    steps = spec.preprocessing
    std, mean = (np.asarray(values, dtype=np.float32)[:, None, None] for values in (steps.std, steps.mean))
    values_CHW: NDArray[np.float32] = (tensor_CHW * std + mean) / np.float32(steps.scale)
    return values_CHW


def _differences(files: Sequence[Path], spec: Input) -> Iterator[NDArray[np.float32]]:
    for file in files:
        exact, scaled = (_tensor(file, spec, reduction=reduction) for reduction in (None, reduction_for(spec)))
        yield np.abs(steps_of_255(exact, spec) - steps_of_255(scaled, spec))


def _tensor(file: Path, spec: Input, *, reduction: Reduction | None) -> NDArray[np.float32]:
    with decoded(file.read_bytes(), max_pixels=_MAX_PIXELS, reduction=reduction) as picture:
        return np.asarray(to_tensor(picture, spec), dtype=np.float32)
