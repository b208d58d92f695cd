"""ResNeXt's grouped convolution is the sum of its ways."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from training.architectures import build


@pytest.mark.parametrize(
    ("name", "ways", "widths"),
    [
        ("resnext50_32x4d", 32, [128, 256, 512, 1024]),
        ("resnext101_32x8d", 32, [256, 512, 1024, 2048]),
        ("resnext101_64x4d", 64, [256, 512, 1024, 2048]),
        ("resnext29_8x64d", 8, [512, 1024, 2048]),
    ],
)
def test_name_gives_ways_and_width(name: str, ways: int, widths: list[int]) -> None:
    """All 3x3 convolutions of the blocks have as many groups as ways, twice as wide from stage to stage."""
    with torch.device("meta"):
        network = build(name)
    grouped = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d) and layer.groups > 1]
    assert {layer.groups for layer in grouped} == {ways}
    assert list(dict.fromkeys(layer.out_channels for layer in grouped)) == widths


def test_block_is_the_sum_of_its_ways() -> None:
    """Figure 3 of the paper: each way alone through its own weights, added up, gives the grouped block."""
    network = build("resnext29_8x64d").eval()
    body = network.get_submodule("conv2_1.body")
    assert isinstance(body, nn.Sequential)
    maps_NCHW = torch.randn(1, 64, 6, 6, generator=torch.Generator().manual_seed(0))
    narrow = body[1](body[0](maps_NCHW))
    widening = body[2]
    assert isinstance(widening, nn.Conv2d)
    ways = [
        functional.conv2d(narrow[:, start : start + 64], widening.weight[:, start : start + 64])
        for start in range(0, 512, 64)
    ]
    torch.testing.assert_close(torch.stack(ways).sum(dim=0), widening(narrow), atol=1e-4, rtol=1e-4)


def test_ways_do_not_see_each_other_inside_a_block() -> None:
    """A change in the first way's channels reaches the first 64 outputs of the 3x3 convolution and no other."""
    conv = build("resnext29_8x64d").get_submodule("conv2_1.body.conv2.conv")
    maps_NCHW = torch.randn(1, 512, 4, 4, generator=torch.Generator().manual_seed(0))
    changed = maps_NCHW.clone()
    changed[:, :64] += 1
    different = (conv(maps_NCHW) != conv(changed)).any(dim=3).any(dim=2)[0]
    assert bool(different[:64].all())
    assert not bool(different[64:].any())
