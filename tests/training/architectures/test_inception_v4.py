"""Inception v4 has the grids of its figures and averages without the padding."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training.architectures import build
from training.geometry.measure import measure


@pytest.mark.parametrize(("side", "stem", "grids"), [(299, [73, 71, 35], [35, 17, 8]), (32, [16, 16, 16], [16, 7, 3])])
def test_grids_are_those_of_the_figures(side: int, stem: list[int], grids: list[int]) -> None:
    """160, 192 and 384 channels in the stem, then 384, 1,024 and 1,536."""
    with torch.device("meta"):
        network = build("inception_v4", input_size=side)
    shapes = {layer.name: layer.output_shape for layer in measure(network, input_shape=(3, side, side)).layers}
    expected = zip((160, 192, 384, 384, 1024, 1536), stem + grids, strict=True)
    names = ("stem2", "stem3", "stem4", "inception_a4", "inception_b7", "inception_c3")
    assert [shapes[name] for name in names] == [(channels, grid, grid) for channels, grid in expected]


def test_average_pools_leave_their_padding_out() -> None:
    """At the border they average the neighbours that exist."""
    with torch.device("meta"):
        network = build("inception_v4")
    pools = [layer for layer in network.modules() if isinstance(layer, nn.AvgPool2d)]
    assert len(pools) == 4 + 7 + 3
    assert not any(pool.count_include_pad for pool in pools)


def test_variances_get_a_thousandth() -> None:
    """The published constant of batch normalisation."""
    with torch.device("meta"):
        network = build("inception_v4")
    assert {layer.eps for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)} == {1e-3}
