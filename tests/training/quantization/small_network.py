"""Makes a network of the form that is published, small, and trained in a blink on shapes.

Two looks at each picture, as it is and mirrored, with the same weights; a 2x2 convolution, GELU, max pooling,
normalisation, a global maximum. The convolutions keep their random weights, and the last layer is fitted by least
squares to what they see: no torch, no epochs, and a real classifier.

Axes: N pictures, C channels, H rows, W columns, D features, K classes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from service.artifact import (
    MANIFEST_NAME,
    Evaluation,
    Input,
    Manifest,
    Output,
    Preprocessing,
    Resize,
    Variant,
    dump_manifest,
)
from service.engine.session import Session
from tests.networks import network as plain_network
from tests.networks import node
from tests.picture_files import encoded
from tests.training.data_sets import LABELS, SIDE, shape_picture
from training.data import Example
from training.publication.golden import Sample, golden_sample
from training.publication.publish import Files
from training.quantization.inputs import Inputs

FEATURES = 48
SPEC = Input(
    tensor="input",
    layout="NCHW",
    dtype="float32",
    channels=1,
    height=SIDE,
    width=SIDE,
    preprocessing=Preprocessing(
        exif_orientation=True,
        color_mode="L",
        background=(0, 0, 0),
        resize=Resize(rule="exact", size=None, interpolation="bilinear", antialias=True),
        crop="none",
        scale=1 / 255,
        mean=(0.25,),
        std=(0.3,),
    ),
)
OUTPUT = Output(tensor="probabilities", holds="probabilities")
Weights = dict[str, NDArray[Any]]


def shapes(count: int, *, first: int) -> list[Example]:
    """Draw labelled pictures; equal arguments give equal ones."""
    kinds = [number % len(LABELS) for number in range(count)]
    return [
        Example(encoded(shape_picture(kind, seed=first + number)), kind, f"shape {first + number}")
        for number, kind in enumerate(kinds)
    ]


def small_network(*, extreme: float = 0.0, seed: int = 0) -> bytes:
    """Build and train the network.

    Args:
        extreme: Weights of this size, on a channel that is always 0, stand in the layer `middle` beside weights of 1;
            0 leaves that layer out.
        seed: Of the random weights.

    """
    weights = _weights(np.random.default_rng(seed), extreme=extreme)
    training = Inputs.of(shapes(240, first=0), spec=SPEC)
    weights["head.weight"], weights["head.bias"] = _fitted(weights, training, extreme=bool(extreme))
    nodes = [
        node("Slice", ["input", "from", "to", "axis", "step"], ["mirrored"], name="mirror"),
        *_look("input", "a", extreme=bool(extreme)),
        *_look("mirrored", "b", extreme=bool(extreme)),
        node("Add", ["a_logits", "b_logits"], ["sum"], name="add"),
        node("Mul", ["sum", "half"], ["logits"], name="mean"),
        node("Softmax", ["logits"], ["probabilities"], name="softmax", axis=1),
    ]
    return _network(nodes, weights, outputs={"probabilities": ("n", len(LABELS))})


def model_files(network: bytes, *, golden: Sequence[Example], card: str = "# Shapes\n") -> Files:
    """Make the contents of version 1 of the model `shapes`."""
    session = Session.load(network, input_name=SPEC.tensor, output_name=OUTPUT.tensor)
    samples = [Sample(example, f"samples/{number}.png") for number, example in enumerate(golden)]
    manifest = Manifest(
        schema_version=1,
        name="shapes",
        version=1,
        description="Tells shapes apart.",
        license="mit",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        labels=LABELS,
        input=SPEC,
        output=OUTPUT,
        variants=(
            Variant(
                file="model.onnx", sha256=hashlib.sha256(network).hexdigest(), bytes=len(network), precision="fp32"
            ),
        ),
        evaluation=Evaluation(
            dataset="shapes",
            split="test",
            n=60,
            top1_error=0.0,
            top1_interval=(0.0, 0.1),
            top5_error=0.0,
            top5_interval=(0.0, 0.1),
            calibration_error=0.1,
        ),
        golden=tuple(
            golden_sample(sample, session=session, spec=SPEC, output=OUTPUT, precision="fp32") for sample in samples
        ),
    )
    pictures = {sample.file: sample.example.encoded for sample in samples}
    return {"model.onnx": network, "README.md": card.encode(), MANIFEST_NAME: dump_manifest(manifest), **pictures}


def _weights(chance: np.random.Generator, *, extreme: float) -> Weights:
    def layer(out: int, into: int, side: int) -> NDArray[np.float32]:
        random = chance.standard_normal((out, into, side, side)) / np.sqrt(into * side**2)
        weights: NDArray[np.float32] = random.astype(np.float32)
        return weights

    weights: Weights = {"stem.weight": layer(8, 1, 2) * 2, "stem.bias": np.full(8, 0.1, np.float32)}
    weights |= {"one.weight": layer(16, 8, 3) * 2, "two.weight": layer(FEATURES, 16, 3) * 2}
    for name, size in (("one", 16), ("two", FEATURES)):
        weights |= {f"{name}.factor": chance.uniform(0.5, 1.5, size), f"{name}.offset": np.zeros(size)}
        weights |= {f"{name}.average": chance.normal(0, 0.1, size), f"{name}.variance": chance.uniform(0.5, 2, size)}
    if extreme:
        weights["one.weight"][0] = 0  # a channel that nothing lights up
        weights["one.average"][0] = 0
        middle = np.eye(16)
        middle[:, 0] = extreme
        weights["middle.weight"] = middle.reshape(16, 16, 1, 1)
    plain = {name: value.astype(np.float32) for name, value in weights.items()}
    whole = {"from": [-1], "to": [-(2**31)], "axis": [3], "step": [-1]}
    return {
        **plain,
        "half": np.array(0.5, np.float32),
        **{name: np.array(value, np.int64) for name, value in whole.items()},
    }


def _look(source: str, prefix: str, *, extreme: bool, fitted: bool = True) -> list[onnx.NodeProto]:
    """Make the nodes of one look at a picture, up to the features or the logits."""

    def make(kind: str, into: str, out: str, *weights: str, **attributes: Any) -> onnx.NodeProto:
        return node(kind, [into, *weights], [f"{prefix}_{out}"], name=f"{prefix}_{out}_node", **attributes)

    def normalized(into: str, out: str, name: str) -> onnx.NodeProto:
        parts = (f"{name}.factor", f"{name}.offset", f"{name}.average", f"{name}.variance")
        return make("BatchNormalization", f"{prefix}_{into}", out, *parts)

    middle = [make("Conv", f"{prefix}_one_active", "middle", "middle.weight")] if extreme else []
    nodes = [
        make("Conv", source, "stem", "stem.weight", "stem.bias"),
        make("Gelu", f"{prefix}_stem", "stem_active"),
        make("Conv", f"{prefix}_stem_active", "one", "one.weight", pads=[1, 1, 1, 1]),
        make("MaxPool", f"{prefix}_one", "one_pooled", kernel_shape=[2, 2], strides=[2, 2]),
        normalized("one_pooled", "one_normal", "one"),
        make("Gelu", f"{prefix}_one_normal", "one_active"),
        *middle,
        make("Conv", f"{prefix}_{'middle' if extreme else 'one_active'}", "two", "two.weight", pads=[1, 1, 1, 1]),
        normalized("two", "two_normal", "two"),
        make("Gelu", f"{prefix}_two_normal", "two_active"),
        make("GlobalMaxPool", f"{prefix}_two_active", "largest"),
        make("Flatten", f"{prefix}_largest", "features"),
    ]
    head = make("Gemm", f"{prefix}_features", "logits", "head.weight", "head.bias")
    return [*nodes, head] if fitted else nodes


def _fitted(weights: Weights, training: Inputs, *, extreme: bool) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fit the last layer to the features of the training pictures."""
    look = _look("input", "a", extreme=extreme, fitted=False)
    model = _network(look, weights, outputs={"a_features": ("n", FEATURES)})
    session = Session.load(model, input_name="input", output_name="a_features")
    features_ND = session.run(np.stack(training.tensors).astype(np.float32)).astype(np.float64)
    with_one_NE = np.hstack([features_ND, np.ones((len(features_ND), 1))])
    wanted_NK = 8.0 * np.eye(len(LABELS))[training.labels_N]
    square = with_one_NE.T @ with_one_NE + 0.1 * np.eye(with_one_NE.shape[1])
    solved_EK = np.linalg.solve(square, with_one_NE.T @ wanted_NK)
    return solved_EK[:-1].astype(np.float32), solved_EK[-1].astype(np.float32)


def _network(nodes: list[onnx.NodeProto], weights: Weights, *, outputs: dict[str, tuple[str, int]]) -> bytes:
    used = {name for one in nodes for name in one.input}
    return plain_network(
        nodes,
        inputs={"input": ("n", 1, SIDE, SIDE)},
        outputs=outputs,
        weights={name: value for name, value in weights.items() if name in used},
    )
