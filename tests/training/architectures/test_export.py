"""Every family and every building block becomes an ONNX file that computes the same for any batch.

`export_model` itself compares PyTorch with ONNX Runtime on batches of 1, 2 and 7 and raises where they differ. Of each
family one member stands here, without the blocks that repeat the one before: tracing takes time for every layer, and
says the same of equal ones.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import get_args

import onnx
import pytest
import torch
from torch import nn

from training.architectures import build, facts, names
from training.architectures.blocks import AuxiliaryNetwork, Branches, Residual
from training.architectures.normalization import LocalResponseNorm
from training.architectures.padding import PaddingMode, padded_conv
from training.architectures.pooling import MedianPool2d
from training.export import export_model

# The smallest member of each family: they come in order of size.
FAMILIES = sorted({facts(name).builder: name for name in reversed(names())}.values())
# Sides at which the last maps still have a pixel: what is exported is the same graph, and runs in less time.
SMALLEST = dict.fromkeys(
    ("googlenet", "inception_v2", "resnet18", "resnet20", "resnext50_32x4d", "resnext29_8x64d"), 16
)
SMALLEST |= dict.fromkeys(("inception_v3", "inception_v4", "inception_resnet_v2"), 20)
GREY = {"logistic_regression", "mlp", "lenet5", "lenet5_1998", "kirsch_compass", "kirsch_linear", "square_finder"}


class _SideBySide(nn.Module):
    """Flattens what several layers make of the same picture into one row of logits, so that one export tests all."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, images_NCHW: torch.Tensor) -> torch.Tensor:
        """Concatenate."""
        return torch.cat([layer(images_NCHW).flatten(1) for layer in self.layers], dim=1)


def _images(channels: int, side: int) -> torch.Tensor:
    return torch.rand(7, channels, side, side, generator=torch.Generator().manual_seed(0))


def _without_repeats(network: nn.Module) -> nn.Module:
    """Keep the first of neighbouring blocks whose weights have equal names and shapes."""
    row = network.trunk if isinstance(network, AuxiliaryNetwork) else network
    before: dict[str, torch.Size] = {}
    for name, block in list(row.named_children()):
        shapes = {key: numbers.shape for key, numbers in block.state_dict().items()}
        if isinstance(block, (Branches, Residual)) and shapes == before:
            delattr(row, name)
        before = shapes
    return network


def _operators(network: nn.Module, images_NCHW: torch.Tensor) -> Counter[str]:
    exported = export_model(network.eval(), images_NCHW=images_NCHW)
    return Counter(node.op_type for node in onnx.load_from_string(exported.onnx).graph.node)


@pytest.mark.parametrize("name", FAMILIES)
def test_family_exports_and_runs_as_in_pytorch(name: str) -> None:
    """With first weights, and normalisations that have seen a batch."""
    torch.manual_seed(0)
    side, channels = (28, 1) if name in GREY else (SMALLEST.get(name, 32), 3)
    classes = min(10, facts(name).num_classes)
    network = build(name, num_classes=classes, in_channels=channels, input_size=side)
    network = _without_repeats(network)
    with torch.no_grad():
        network.train()(_images(channels, side))  # running statistics other than 0 and 1
    operators = _operators(network, _images(channels, side))
    assert operators["Softmax"] == 1
    assert operators["BatchNormalization"] == 0, "normalisations are folded into the convolutions"


def test_response_normalisation_is_one_operator() -> None:
    """Runtimes have a kernel for it; its parts would be slow."""
    network = nn.Sequential(nn.Conv2d(3, 8, 3), LocalResponseNorm(alpha=0.05), nn.Flatten(), nn.Linear(8 * 36, 4))
    operators = _operators(network, _images(3, 8))
    assert operators["LRN"] == 1
    assert operators["Pow"] == 0


def test_padding_exports_at_any_stride() -> None:
    """Same padding in all four modes, at strides 1 and 2 on 9 pixels, so that an odd pixel is there too."""
    modes: tuple[PaddingMode, ...] = get_args(PaddingMode)
    convs = [padded_conv(2, 3, 4, stride=stride, mode=mode) for mode in modes for stride in (1, 2)]
    operators = _operators(_SideBySide(*convs), _images(2, 9))
    assert operators["Conv"] == len(convs)


def test_pooling_exports() -> None:
    """Maximum, average with or without padding, median of odd and even windows; on 9 pixels some windows do not fit."""
    pools = (
        nn.MaxPool2d(3, 2, ceil_mode=True),
        nn.MaxPool2d(2, 2, ceil_mode=True),
        nn.MaxPool2d(3, 2, padding=1),
        nn.AvgPool2d(3, 1, padding=1),
        nn.AvgPool2d(3, 1, padding=1, count_include_pad=False),
        MedianPool2d(3, 2),
        MedianPool2d(2),
    )
    operators = _operators(_SideBySide(*pools), _images(2, 9))
    assert (operators["MaxPool"], operators["AveragePool"], operators["TopK"]) == (3, 2, 2)


def test_scaled_residual_and_nested_branches_export() -> None:
    """As in Inception-ResNet's blocks and Inception's crosses, small enough to test alone."""
    cross = Branches(nn.Conv2d(2, 1, (1, 3), padding=(0, 1)), nn.Conv2d(2, 1, (3, 1), padding=(1, 0)))
    block = Residual(Branches(nn.Conv2d(4, 2, 1), nn.Sequential(nn.Conv2d(4, 2, 1), cross)), scale=0.17)
    network = nn.Sequential(nn.Conv2d(3, 4, 1), block, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert _operators(network, _images(3, 8))["Concat"] == 2


def test_auxiliary_heads_vanish_from_the_file() -> None:
    """The file holds as many numbers as the trunk, not one of the heads."""
    trunk = nn.Sequential(OrderedDict(first=nn.Conv2d(3, 4, 3), pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten()))
    head = nn.Sequential(nn.Flatten(), nn.Linear(4 * 6 * 6, 50))
    network = AuxiliaryNetwork(trunk, heads={"first": head}, weight=0.3)
    model = onnx.load_from_string(export_model(network, images_NCHW=_images(3, 8)).onnx)
    stored = sum(onnx.numpy_helper.to_array(tensor).size for tensor in model.graph.initializer)
    assert stored < sum(weights.numel() for weights in trunk.parameters()) + 20
