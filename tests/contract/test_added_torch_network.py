"""A network as PyTorch itself exports it, added with a preset, answers what PyTorch computes for the same picture."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from service.adding.add import add
from service.adding.told import Told
from service.adding.trial import PICTURE
from service.engine.predictor import Sent
from service.settings import Settings
from tests.service.adding.conftest import loaded

SIDE = 48
CLASSES = 7


class Network(nn.Module):
    """A small convolutional network with random weights, as somebody else might have trained it."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2))
        self.head = nn.Linear(8 * 11 * 11, CLASSES)

    def forward(self, images_NCHW: torch.Tensor) -> torch.Tensor:
        """Give logits."""
        logits_NK: torch.Tensor = self.head(self.features(images_NCHW).flatten(1))
        return logits_NK


def exported(network: nn.Module, *, any_batch: bool) -> bytes:
    """Export with PyTorch's own exporter, in its usual form or for any batch."""
    stream = io.BytesIO()
    batch = {0: torch.export.Dim("batch", min=1, max=64)} if any_batch else None
    example = torch.zeros(2 if any_batch else 1, 3, SIDE, SIDE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the exporter says about itself is not ours
        program = torch.onnx.export(
            network, (example,), dynamo=True, dynamic_shapes=(batch,) if batch else None, verbose=False
        )
    assert program is not None
    stream.write(program.model_proto.SerializeToString())
    return stream.getvalue()


def expected(network: nn.Module, data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Prepare the picture as torchvision's preset does, with Pillow and torch alone, and take the softmax."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    short = round(SIDE * 256 / 224)
    width, height = image.size
    size = (short, int(short * height / width)) if width <= height else (int(short * width / height), short)
    image = image.resize(size, Image.Resampling.BILINEAR)
    left, top = round((size[0] - SIDE) / 2), round((size[1] - SIDE) / 2)
    pixels_HWC = torch.from_numpy(np.array(image.crop((left, top, left + SIDE, top + SIDE))))
    scaled_CHW = pixels_HWC.permute(2, 0, 1).float() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normalised_CHW = (scaled_CHW - mean[:, None, None]) / std[:, None, None]
    with torch.no_grad():
        probabilities: np.ndarray[tuple[int, ...], np.dtype[np.float32]] = torch.softmax(
            network(normalised_CHW[None]), dim=1
        )[0].numpy()
    return probabilities


@pytest.mark.parametrize("any_batch", [False, True])
def test_an_export_of_pytorch_answers_what_pytorch_computes(tmp_path: Path, any_batch: bool) -> None:
    """For one picture and in company, whether the batch was fixed to the example's or left open."""
    torch.manual_seed(0)
    network = Network().eval()
    path = tmp_path / "network.onnx"
    path.write_bytes(exported(network, any_batch=any_batch))
    added = add(path, Told(name="net", preset="torchvision"), settings=Settings(models_dir=tmp_path / "models"))
    assert added.manifest.input.batch == (None if any_batch else 1)
    assert added.manifest.output.holds == "logits"
    assert [each.flag for each in added.notes.assumed] == ["--labels FILE"]
    data = PICTURE.read_bytes()
    for answer in loaded(added.stored).classify_each([Sent(data)] * 3, alone=False):
        np.testing.assert_allclose(answer.probabilities, expected(network, data), atol=1e-5)  # type: ignore[union-attr]  # none fails
