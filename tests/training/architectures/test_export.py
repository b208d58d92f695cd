"""Every building block becomes an ONNX operator or few, which compute the same for any batch.

`export_model` itself compares PyTorch with ONNX Runtime on batches of 1, 2 and 7 and raises where they differ. Whole
networks go this road in `tests/contract/test_every_architecture_serves.py`; here stands what each block becomes.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import get_args

import onnx
import torch
from torch import nn

from training.architectures import build
from training.architectures.blocks import AuxiliaryNetwork, Branches, Conv, Residual, chain
from training.architectures.normalization import LocalResponseNorm
from training.architectures.padding import PaddingMode, padded_conv
from training.architectures.pooling import MedianPool2d
from training.architectures.resnet import SubsamplingShortcut
from training.publication.export import export_model


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


def _operators(network: nn.Module, images_NCHW: torch.Tensor) -> Counter[str]:
    exported = export_model(network.eval(), images_NCHW=images_NCHW)
    return Counter(node.op_type for node in onnx.load_from_string(exported.onnx).graph.node)


def test_normalisation_that_saw_a_batch_folds_into_its_convolution() -> None:
    """Running statistics other than 0 and 1, a strided block with a shortcut without weights."""
    torch.manual_seed(0)
    shortcut = SubsamplingShortcut(2, stride=2)
    block = Residual(chain(4, Conv(6, 3, stride=2), Conv(6, (1, 3)), eps=1e-3), shortcut=shortcut)
    network = nn.Sequential(nn.Conv2d(3, 4, 1), block, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with torch.no_grad():
        network.train()(10 * _images(3, 9))
    operators = _operators(network, _images(3, 9))
    assert (operators["Conv"], operators["BatchNormalization"]) == (3, 0)


def test_published_lenet_exports_its_sparse_layer_as_one_convolution() -> None:
    """The zeros of the missing connections are filled in while exporting, and the distances stay exact."""
    operators = _operators(build("lenet5_1998"), _images(1, 32))
    assert (operators["Conv"], operators["Gather"]) == (3, 0)


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
