"""`tests.benchmarks.serving.model_making`: a model folder that the service takes, made of any network."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from service.artifact import Precision
from service.repository.verification import verify_models
from service.settings import read_settings
from tests.benchmarks.serving.materials import ModelKind
from tests.benchmarks.serving.model_making import described, files_of, input_of
from tests.networks import network, node
from training.data import Example

KIND = ModelKind("means", side=8, classes=3, pictures="", int8=True)


def means(factor: float) -> bytes:
    """Make a network that answers with the softmax of each channel's mean."""
    return network(
        [
            node("GlobalAveragePool", ["input"], ["pooled"]),
            node("Flatten", ["pooled"], ["flat"]),
            node("Mul", ["flat", "factor"], ["logits"]),
            node("Softmax", ["logits"], ["probabilities"]),
        ],
        inputs={"input": ("n", 3, 8, 8)},
        outputs={"probabilities": ("n", 3)},
        weights={"factor": np.array(factor, np.float32)},
    )


def photograph(name: str) -> Example:
    """Encode a picture that is no square."""
    stream = io.BytesIO()
    Image.new("RGB", (12, 9), "orange").save(stream, "PNG")
    return Example(stream.getvalue(), 0, name)


def test_folder_is_one_that_the_service_verifies(tmp_path: Path) -> None:
    """Both variants answer as their golden samples say, in the service's own loader."""
    spec = input_of(KIND)
    networks: dict[Precision, bytes] = {"fp32": means(1.0), "int8": means(1.1)}
    for file, data in files_of(described(KIND, networks, spec=spec), networks, [photograph("0.png")]).items():
        path = tmp_path / "means" / "1" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for precision in networks:
        settings = read_settings({"CONVSERVE_MODELS_DIR": str(tmp_path), "CONVSERVE_PRECISION": precision})
        ((line, good),) = verify_models(settings)
        assert good, line


def test_input_is_that_of_the_rivals() -> None:
    """They all scale the shorter side to the network's and cut the middle out, with ImageNet's statistics."""
    spec = input_of(KIND)
    assert (spec.height, spec.width) == (8, 8)
    assert (spec.preprocessing.resize.rule, spec.preprocessing.resize.size, spec.preprocessing.crop) == (
        "shorter_side",
        8,
        "center",
    )
    assert spec.preprocessing.mean == (0.485, 0.456, 0.406)
