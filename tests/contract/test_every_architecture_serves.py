"""Every network that can be built goes the whole road: to ONNX, proved equal, published, loaded and asked over HTTP."""

from __future__ import annotations

import hashlib
import io
import resource
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from PIL import Image

from service.artifact import (
    GoldenSample,
    Input,
    Manifest,
    Output,
    Preprocessing,
    Resize,
    Variant,
    dump_manifest,
)
from service.engine.postprocessing import to_probabilities
from service.engine.preprocessing import decode, to_tensor
from service.engine.session import Session
from tests.end_to_end.processes import Service, running_service
from training.architectures import build, facts, names
from training.data.preprocessing import INPUT_NAME
from training.publication.export import OUTPUT_NAME, PARITY_BATCHES, export_model
from training.publication.publish import Files, publish

SMALL_SIDE = 32  # for networks of large pictures; the others take their own
_LARGE_FROM = 96
NAMES = tuple(names())
NATIVE = (
    "alexnet",
    "alexnet_2012",
    "zfnet",
    "vgg19_bn",
    "googlenet",
    "inception_v2",
    "inception_v3",
    "inception_v4",
    "inception_resnet_v2",
    "resnet152",
    "resnext101_32x8d",
)

Shape = tuple[int, int, int]


def small_shape(name: str) -> Shape:
    """Give channels, height and width at which a network is small."""
    channels, height, width = facts(name).input_shape
    return (channels, SMALL_SIDE, SMALL_SIDE) if height >= _LARGE_FROM else (channels, height, width)


def input_of(shape: Shape) -> Input:
    """Describe the input of a network: pixels scaled to -1..1."""
    channels, height, width = shape
    return Input(
        tensor=INPUT_NAME,
        layout="NCHW",
        dtype="float32",
        channels=1 if channels == 1 else 3,
        height=height,
        width=width,
        preprocessing=Preprocessing(
            exif_orientation=True,
            color_mode="L" if channels == 1 else "RGB",
            background=(0, 0, 0),
            resize=Resize(rule="exact", size=None, interpolation="bilinear", antialias=True),
            crop="none",
            scale=1 / 255,
            mean=(0.5,) * channels,
            std=(0.5,) * channels,
        ),
    )


def photo() -> bytes:
    """Encode a picture with some structure."""
    waves = np.sin(np.arange(48)[:, None, None] / 5 + np.arange(64)[None, :, None] / 7 + np.arange(3)) * 127 + 128
    stream = io.BytesIO()
    Image.fromarray(waves.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def files_of(name: str, version: int, shape: Shape) -> Files:
    """Build, export and describe a network with its initial weights, and pin its answer to one picture."""
    torch.manual_seed(0)
    classes = facts(name).num_classes if facts(name).input_shape == shape else 10
    channels, height, width = shape
    network = build(name, num_classes=classes, in_channels=channels, input_size=height).eval()
    images_NCHW = torch.rand(max(PARITY_BATCHES), channels, height, width) * 2 - 1
    model = export_model(network, images_NCHW=images_NCHW).onnx
    spec = input_of(shape)
    batch = to_tensor(decode(photo(), max_pixels=10**6), spec)[np.newaxis]
    values = Session.load(model, input_name=INPUT_NAME, output_name=OUTPUT_NAME).run(batch)
    expected = to_probabilities(values, holds="probabilities")[0]
    manifest = Manifest(
        schema_version=1,
        name=name.replace("_", "-"),
        version=version,
        description="Initial weights.",
        license="apache-2.0",
        created_at=datetime.now(UTC),
        labels=tuple(f"class_{index}" for index in range(classes)),
        input=spec,
        output=Output(tensor=OUTPUT_NAME, holds="probabilities"),
        variants=(
            Variant(file="model.onnx", sha256=hashlib.sha256(model).hexdigest(), bytes=len(model), precision="fp32"),
        ),
        golden=(
            GoldenSample(
                file="samples/photo.png",
                sha256=hashlib.sha256(photo()).hexdigest(),
                probabilities={"fp32": tuple(expected.tolist())},
                tolerance=1e-3,
            ),
        ),
    )
    return {"model.onnx": model, "samples/photo.png": photo(), "manifest.json": dump_manifest(manifest)}


@pytest.fixture(scope="module")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A repository that fills up as networks are published; it is large, so nothing of it is kept."""
    folder = tmp_path_factory.mktemp("models")
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield folder
    torch.set_num_threads(threads)
    for path in folder.rglob("*.onnx"):
        path.unlink()


def published(name: str, models_dir: Path, *, shape: Shape | None = None) -> Path:
    """Publish a network once."""
    shape = shape or small_shape(name)
    folder = models_dir / name.replace("_", "-") / "1"
    if not folder.exists():
        publish(models_dir, name=folder.parent.name, files_of=lambda version: files_of(name, version, shape))
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_network_exports_equal_and_publishes(name: str, models_dir: Path) -> None:
    """The file answers as PyTorch does on batches of 1, 2 and 7, and its folder verifies."""
    assert (published(name, models_dir) / "manifest.json").exists()


def test_one_real_service_answers_for_every_network(models_dir: Path, tmp_path: Path) -> None:
    """Each is verified, becomes ready, and classifies a picture sent over HTTP."""
    for name in NAMES:
        published(name, models_dir)
    with running_service(tmp_path, models_dir=models_dir, log_level="warning") as service:
        for name in NAMES:
            require_answer(service, name)


@pytest.mark.native_size
@pytest.mark.parametrize("name", NATIVE)
@pytest.mark.usefixtures("models_dir")  # for its threads
def test_family_goes_the_whole_road_at_its_published_size(name: str, tmp_path: Path) -> None:
    """The largest of each family, whole, one at a time, in less than 8 GiB."""
    folder = published(name, tmp_path / "models", shape=facts(name).input_shape)
    assert (folder / "model.onnx").stat().st_size >= 4 * facts(name).parameters * 0.99  # every weight, as four bytes
    with running_service(tmp_path, models_dir=tmp_path / "models", log_level="warning") as service:
        require_answer(service, name)
    (folder / "model.onnx").unlink()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < 8 * 2**30


def require_answer(service: Service, name: str) -> None:
    """Send a picture to a network and check that it is classified."""
    url = f"{service.url}/models/{name.replace('_', '-')}/predict"
    answer = httpx.post(url, content=photo(), timeout=60)
    assert answer.status_code == 200, (name, answer.text)
    assert answer.json()["predictions"][0]["label"].startswith("class_")
