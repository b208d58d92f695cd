"""Inception v3 has the grids, the pools and the constants of the released network."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training.architectures import build
from training.geometry.measure import measure


@pytest.mark.parametrize(("side", "grids"), [(299, [35, 17, 8]), (32, [16, 7, 3]), (64, [16, 7, 3])])
def test_grids_are_the_published_ones(side: int, grids: list[int]) -> None:
    """Behind the stem, the first and the second reduction."""
    with torch.device("meta"):
        network = build("inception_v3", input_size=side)
    shapes = {layer.name: layer.output_shape for layer in measure(network, input_shape=(3, side, side)).layers}
    names = ("trunk.mixed_5d", "trunk.mixed_6e", "trunk.mixed_7c")
    assert [shapes[name] for name in names] == [
        (channels, grid, grid) for channels, grid in zip((288, 768, 2048), grids, strict=True)
    ]


def test_average_pools_count_their_padding_and_variances_get_a_thousandth() -> None:
    """As torchvision's network does, whose multiply-adds are the published ones."""
    with torch.device("meta"):
        layers = list(build("inception_v3").modules())
    pools = [layer for layer in layers if isinstance(layer, nn.AvgPool2d) and layer.padding]
    assert len(pools) == 9
    assert all(pool.count_include_pad for pool in pools)
    assert {layer.eps for layer in layers if isinstance(layer, nn.BatchNorm2d)} == {1e-3}


def test_windows_of_seven_come_apart_in_the_order_of_the_paper() -> None:
    """1x7 before 7x1 in the short branch, 7x1 first in the long one."""
    with torch.device("meta"):
        module = build("inception_v3").get_submodule("trunk.mixed_6b")
    windows = [
        [layer.kernel_size for layer in branch.modules() if isinstance(layer, nn.Conv2d)]
        for branch in module.children()
    ]
    row, column, single = (1, 7), (7, 1), (1, 1)
    assert windows == [[single], [single, row, column], [single, column, row, column, row], [single]]


def test_head_sees_5x5_cells_of_the_last_17x17_grid() -> None:
    """Its 5x5 convolution leaves one place."""
    with torch.device("meta"):
        head = build("inception_v3").get_submodule("heads.mixed_6e")
    layers = {layer.name: layer.output_shape for layer in measure(head, input_shape=(768, 17, 17)).layers}
    assert layers["pool"] == (768, 5, 5)
    assert layers["conv2.0.relu"] == (768, 1, 1)
