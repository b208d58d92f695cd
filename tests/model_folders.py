"""Makes real model folders for tests: small ONNX networks whose answers can be worked out by hand."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from service.artifact import GoldenSample, Input, Manifest, Output, Preprocessing, Resize, Variant, dump_manifest
from service.engine.forms import Sessions
from service.engine.predictor import Classifier
from service.engine.session import Session

COLORS = ("red", "green", "blue")
SIDE = 8


def color_network(
    *,
    sharpness: float = 10.0,
    external_data: str = "",
    domain: str = "",
    busy_work: int = 0,
    fails_on_bright: bool = False,
) -> bytes:
    """Make a network that averages each channel and answers with the softmax: the strongest colour wins.

    Args:
        sharpness: Factor on the averages before the softmax.
        external_data: Name of another file in which a tensor pretends to lie.
        domain: Operator domain of one more node that does nothing.
        busy_work: Matrix products of 512 x 512 in a row before the answer, for a network that takes time.
        fails_on_bright: Answer NaN where a channel's average is above 0.9.

    """
    scale = numpy_helper.from_array(np.array(sharpness, dtype=np.float32), "sharpness")
    if external_data:
        scale.ClearField("raw_data")
        scale.data_location = TensorProto.EXTERNAL
        scale.external_data.add(key="location", value=external_data)
    nodes = [
        helper.make_node("ReduceMean", ["input", "axes"], ["means"], keepdims=0),
        helper.make_node("Mul", ["means", "sharpness"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    initializers = [scale, numpy_helper.from_array(np.array([2, 3], dtype=np.int64), "axes")]
    if fails_on_bright:
        nodes.insert(1, helper.make_node("Sub", ["limit", "means"], ["room"]))
        nodes.insert(2, helper.make_node("Log", ["room"], ["log"]))
        nodes[3].input[0] = "log"
        initializers.append(numpy_helper.from_array(np.array(0.9, dtype=np.float32), "limit"))
    if busy_work:
        nodes, initializers = _with_busy_work(nodes, initializers, busy_work)
    if domain:
        nodes.append(helper.make_node("Nothing", ["probabilities"], ["nothing"], domain=domain))
    graph = helper.make_graph(
        nodes,
        "colors",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 3])],
        initializers,
    )
    opsets = [helper.make_opsetid("", 20), *([helper.make_opsetid(domain, 1)] if domain else [])]
    model: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()
    return model


def _with_busy_work(nodes: list[Any], initializers: list[Any], steps: int) -> tuple[list[Any], list[Any]]:
    """Add matrix products whose result, exactly zero, is added to the logits."""
    size = 512
    matrix = numpy_helper.from_array(np.eye(size, dtype=np.float32), "matrix")
    ones = numpy_helper.from_array(np.zeros((1, size), dtype=np.float32), "zeros")
    extra = [
        helper.make_node("ReduceMean", ["means"], ["seed"], keepdims=1),
        helper.make_node("MatMul", ["seed", "zeros"], ["row"]),
        helper.make_node("Add", ["row", "matrix"], ["step0"]),
    ]
    extra += [helper.make_node("MatMul", [f"step{i}", "matrix"], [f"step{i + 1}"]) for i in range(steps)]
    extra += [
        helper.make_node("ReduceMean", [f"step{steps}"], ["mean"], keepdims=0),
        helper.make_node("Sub", ["mean", "mean"], ["nought"]),
        helper.make_node("Add", ["scaled", "nought"], ["logits"]),
    ]
    nodes[1].output[0] = "scaled"
    return [nodes[0], nodes[1], *extra, nodes[2]], [*initializers, matrix, ones]


def picture(color: str | tuple[int, int, int], *, size: tuple[int, int] = (SIDE, SIDE), format: str = "PNG") -> bytes:  # noqa: A002
    """Encode a picture of one colour."""
    stream = io.BytesIO()
    Image.new("RGB", size, color).save(stream, format)
    return stream.getvalue()


def color_input() -> Input:
    """Describe the input of `color_network`: pixels scaled to 0..1, nothing else."""
    return Input(
        tensor="input",
        layout="NCHW",
        dtype="float32",
        channels=3,
        height=SIDE,
        width=SIDE,
        preprocessing=Preprocessing(
            exif_orientation=True,
            color_mode="RGB",
            background=(0, 0, 0),
            resize=Resize(rule="exact", size=None, interpolation="bilinear", antialias=True),
            crop="none",
            scale=1 / 255,
            mean=(0.0, 0.0, 0.0),
            std=(1.0, 1.0, 1.0),
        ),
    )


def write_model(
    models_dir: Path,
    *,
    name: str = "colors",
    version: int = 1,
    network: bytes | None = None,
    **changes: Any,
) -> Manifest:
    """Write a complete version folder with one golden sample per colour.

    Args:
        models_dir: Where models lie.
        name: Of the model.
        version: Of the model.
        network: Bytes of the ONNX file; `color_network()` by default.
        changes: Fields of the manifest to write instead of the right ones.

    """
    network = network or color_network()
    folder = models_dir / name / str(version)
    (folder / "samples").mkdir(parents=True)
    (folder / "model.onnx").write_bytes(network)
    manifest = Manifest(
        schema_version=1,
        name=name,
        version=version,
        description="Tells which primary colour is strongest.",
        license="apache-2.0",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        labels=COLORS,
        input=color_input(),
        output=Output(tensor="probabilities", holds="probabilities"),
        variants=(
            Variant(
                file="model.onnx",
                sha256=hashlib.sha256(network).hexdigest(),
                bytes=len(network),
                precision="fp32",
            ),
        ),
    )
    golden = changes.pop("golden", None)
    if golden is None:
        golden = tuple(_golden(folder, color, manifest, network) for color in COLORS)
    manifest = replace(manifest, golden=golden, **changes)
    (folder / "manifest.json").write_bytes(dump_manifest(manifest))
    return manifest


def _golden(folder: Path, color: str, manifest: Manifest, network: bytes) -> GoldenSample:
    data = picture(color)
    (folder / "samples" / f"{color}.png").write_bytes(data)
    try:
        session = Session.load(network, input_name="input", output_name="probabilities")
        classifier = Classifier(Sessions(session), manifest.input, manifest.output, len(COLORS), max_pixels=10**6)
        expected = tuple(classifier.classify(data).probabilities.tolist())
    except Exception:  # noqa: BLE001  networks that are refused on purpose have no answers to pin
        expected = (1.0, 0.0, 0.0)
    return GoldenSample(
        file=f"samples/{color}.png",
        sha256=hashlib.sha256(data).hexdigest(),
        probabilities={"fp32": expected},
        tolerance=1e-4,
    )


def load_onnx(data: bytes) -> onnx.ModelProto:
    """Parse an ONNX file with the onnx package, the independent reader."""
    return onnx.load_from_string(data)
