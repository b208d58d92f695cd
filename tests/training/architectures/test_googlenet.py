"""GoogLeNet's modules have the widths of its table, a true 5x5, and their branches in the paper's order."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training.architectures import build
from training.architectures.blocks import Branches
from training.architectures.normalization import LocalResponseNorm
from training.geometry.measure import measure

OUTPUTS = {"3a": 256, "3b": 480, "4a": 512, "4b": 512, "4c": 512, "4d": 528, "4e": 832, "5a": 832, "5b": 1024}
SIDES = {"3": 28, "4": 14, "5": 7}


def test_modules_have_the_outputs_of_table_1() -> None:
    """Channels by module, 28, 14 and 7 pixels by stage."""
    with torch.device("meta"):
        network = build("googlenet")
    shapes = {layer.name: layer.output_shape for layer in measure(network, input_shape=(3, 224, 224)).layers}
    for module, channels in OUTPUTS.items():
        side = SIDES[module[0]]
        assert shapes[f"trunk.inception_{module}"] == (channels, side, side)


@pytest.mark.parametrize("side", [224, 32])
def test_third_branch_looks_through_a_5x5_window(side: int) -> None:
    """The famous copy with 3x3 there has other counts and sees less."""
    with torch.device("meta"):
        network = build("googlenet", input_size=side)
    for module in network.modules():
        if isinstance(module, Branches):
            windows = [
                [layer.kernel_size[0] for layer in branch.modules() if isinstance(layer, nn.Conv2d)]
                for branch in module.children()
            ]
            assert windows == [[1], [1, 3], [1, 5], [1]]


def test_response_normalisation_is_caffes() -> None:
    """Alpha of 0.0001 over five neighbours, k of 1."""
    with torch.device("meta"):
        norms = [layer for layer in build("googlenet").modules() if isinstance(layer, LocalResponseNorm)]
    assert [(norm.k, norm.beta) for norm in norms] == [(1.0, 0.75)] * 2
    assert [norm.alpha * norm.size for norm in norms] == pytest.approx([1e-4, 1e-4])


def test_heads_classify_4a_and_4d_from_4x4_cells() -> None:
    """2,048 features: 128 channels of 16 cells."""
    with torch.device("meta"):
        heads = build("googlenet").get_submodule("heads")
    assert [name for name, _ in heads.named_children()] == ["inception_4a", "inception_4d"]
    for (name, head), channels in zip(heads.named_children(), (512, 528), strict=True):
        layers = measure(head, input_shape=(channels, 14, 14)).layers
        assert layers[0].output_shape == (channels, 4, 4), name
        assert [layer.output_shape for layer in layers if layer.kind == "Flatten"] == [(2048,)], name
