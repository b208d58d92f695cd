"""Makes the models that are served: ResNet-50 and ResNet-20 with random weights, as proper model folders.

Weights do not matter for speed, except that values must stay in a usual range: the statistics of the normalisation are
therefore taken from photographs. The int8 variant of ResNet-50 is written by the project's own quantisation; its gate
is left out, because a network that guesses has no accuracy to lose. `python -m
tests.benchmarks.serving.model_making WORK MODEL`.

Axes: N pictures, C channels, H rows, W columns.
"""

from __future__ import annotations

import dataclasses
import hashlib
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import torch

from service.artifact import (
    MANIFEST_NAME,
    GoldenSample,
    Input,
    Manifest,
    Output,
    Precision,
    Preprocessing,
    Resize,
    Variant,
    dump_manifest,
)
from tests.benchmarks.serving.materials import MODELS, ModelKind, picture_files
from tests.benchmarks.serving.workplace import Workplace
from training.architectures import build
from training.data import Example
from training.data.preprocessing import INPUT_NAME
from training.publication.evaluation import load_session
from training.publication.export import OUTPUT_NAME, export_model
from training.publication.golden import Sample, golden_sample
from training.publication.publish import publish
from training.quantization.inputs import Inputs
from training.quantization.variant import file_of
from training.quantization.writing import Int8Writer

_MEAN: Final = (0.485, 0.456, 0.406)
_STD: Final = (0.229, 0.224, 0.225)
_STATISTICS_PASSES: Final = 10
_SEED: Final = 20
_GOLDEN: Final = 2
# Random weights are chaotic: rounding in another order moves an answer further than it would move a trained network's.
_TOLERANCE: Final = 0.05

Networks = Mapping[Precision, bytes]


def make(kind: ModelKind, *, workplace: Workplace) -> None:
    """Build, export, quantise and publish one model."""
    files = picture_files(kind.pictures, workplace=workplace)
    examples = [Example(file.read_bytes(), 0, file.name) for file in files]
    spec = input_of(kind)
    networks: dict[Precision, bytes] = {"fp32": exported(kind, examples, spec=spec)}
    if kind.int8:
        networks["int8"] = quantized(networks["fp32"], examples, spec=spec)
    contents = files_of(described(kind, networks, spec=spec), networks, examples[:_GOLDEN])
    publish(workplace.models_of(kind.name), name=kind.name, version=1, files_of=lambda _: contents)


def input_of(kind: ModelKind) -> Input:
    """Describe the usual input: the shorter side to the network's, the middle cut out, ImageNet's mean and std."""
    return Input(
        tensor=INPUT_NAME,
        layout="NCHW",
        dtype="float32",
        channels=3,
        height=kind.side,
        width=kind.side,
        preprocessing=Preprocessing(
            exif_orientation=True,
            color_mode="RGB",
            background=(0, 0, 0),
            resize=Resize(rule="shorter_side", size=kind.side, interpolation="bilinear", antialias=True),
            crop="center",
            scale=1 / 255,
            mean=_MEAN,
            std=_STD,
        ),
    )


def exported(kind: ModelKind, examples: Sequence[Example], *, spec: Input) -> bytes:
    """Build a network with random weights and write it as ONNX, proved equal to PyTorch."""
    torch.manual_seed(_SEED)
    network = build(kind.name, num_classes=kind.classes, in_channels=3, input_size=kind.side)
    images_NCHW = torch.from_numpy(np.stack(Inputs.of(examples, spec=spec).tensors))
    network.train()
    with torch.no_grad():
        for _ in range(_STATISTICS_PASSES):
            network(images_NCHW)
    return export_model(network.eval(), images_NCHW=images_NCHW).onnx


def quantized(network: bytes, examples: Sequence[Example], *, spec: Input) -> bytes:
    """Write a network in int8, every layer, with the ranges that these pictures give."""
    inputs = Inputs.of(examples, spec=spec)
    writer = Int8Writer.of(network, calibrations=("minmax",), inputs=inputs, spec=spec, fixed_batch=None)
    return writer.write(calibration="minmax", spared=())


def described(kind: ModelKind, networks: Networks, *, spec: Input) -> Manifest:
    """Write the manifest, still without golden samples."""
    return Manifest(
        schema_version=1,
        name=kind.name,
        version=1,
        description=f"{kind.name} with random weights, to measure speed.",
        license="apache-2.0",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        labels=tuple(f"class_{number}" for number in range(kind.classes)),
        input=spec,
        output=Output(tensor=OUTPUT_NAME, holds="probabilities"),
        variants=tuple(
            Variant(file=file_of(name), sha256=hashlib.sha256(data).hexdigest(), bytes=len(data), precision=name)
            for name, data in networks.items()
        ),
    )


def files_of(manifest: Manifest, networks: Networks, golden: Sequence[Example]) -> dict[str, bytes]:
    """Give the contents of the model folder, the answers to the golden samples included."""
    samples = [
        Sample(example, f"samples/{number}{Path(example.origin).suffix}") for number, example in enumerate(golden)
    ]
    answered = tuple(answers_to(sample, manifest, networks) for sample in samples)
    return {
        **{file_of(name): data for name, data in networks.items()},
        **{sample.file: sample.example.encoded for sample in samples},
        MANIFEST_NAME: dump_manifest(dataclasses.replace(manifest, golden=answered)),
    }


def answers_to(sample: Sample, manifest: Manifest, networks: Networks) -> GoldenSample:
    """Write down what every variant gives for a picture."""
    answers = [
        golden_sample(
            sample,
            session=load_session(network, spec=manifest.input, output=manifest.output),
            spec=manifest.input,
            output=manifest.output,
            precision=precision,
        )
        for precision, network in networks.items()
    ]
    probabilities = {name: values for answer in answers for name, values in answer.probabilities.items()}
    return dataclasses.replace(answers[0], probabilities=probabilities, tolerance=_TOLERANCE)


if __name__ == "__main__":
    wanted = next(kind for kind in MODELS if kind.name == sys.argv[2])
    make(wanted, workplace=Workplace.at(Path(sys.argv[1])))
