"""ResNet's shortcuts, strides and depths are the paper's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training.architectures import ArchitectureOptionError, build
from training.architectures.resnet import SubsamplingShortcut
from training.geometry.measure import measure


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152, 20, 32, 44, 56, 110])
def test_name_counts_the_layers_with_weights(depth: int) -> None:
    """Convolutions and the classifier, projections of shortcuts left aside."""
    with torch.device("meta"):
        network = build(f"resnet{depth}")
    weighted = [
        name
        for name, layer in network.named_modules()
        if isinstance(layer, (nn.Conv2d, nn.Linear)) and "shortcut" not in name
    ]
    assert len(weighted) == depth


@pytest.mark.parametrize(
    ("name", "option", "parameters"),
    [
        ("resnet18", "A", 11_515_688),
        ("resnet34", "A", 21_623_848),
        ("resnet18", "B", 11_689_512),
        ("resnet20", "B", 269_722 + 2_752),
    ],
)
def test_shortcut_options_have_their_published_counts(name: str, option: str, parameters: int) -> None:
    """A has no weights, B projects where the shape changes."""
    with torch.device("meta"):
        network = build(name, shortcut=option)
    assert sum(weights.numel() for weights in network.parameters()) == parameters


def test_option_c_projects_in_every_block() -> None:
    """Sixteen blocks, sixteen projections."""
    with torch.device("meta"):
        names = [name for name, _ in build("resnet50", shortcut="C").named_parameters()]
    assert sum(name.endswith("shortcut.conv.weight") for name in names) == 16


def test_unknown_shortcut_is_refused() -> None:
    """The paper has three."""
    with pytest.raises(ArchitectureOptionError, match="shortcut may be A, B, C, not 'D'"):
        build("resnet18", shortcut="D")


def test_subsampling_shortcut_keeps_every_second_pixel_and_adds_zeros() -> None:
    """Half of the new channels before, half after."""
    maps_NCHW = torch.arange(16.0).view(1, 1, 4, 4)
    output = SubsamplingShortcut(2, stride=2)(maps_NCHW)
    assert output.shape == (1, 3, 2, 2)
    assert output[0, 1].tolist() == [[0.0, 2.0], [8.0, 10.0]]
    assert bool((output[0, [0, 2]] == 0).all())


@pytest.mark.parametrize("name", ["resnet50", "resnext50_32x4d"])
def test_stride_is_the_3x3s(name: str) -> None:
    """And the projection's beside it; three blocks halve the grid."""
    with torch.device("meta"):
        network = build(name)
    strided = [
        (layer.kernel_size, "shortcut" in where)
        for where, layer in network.named_modules()
        if isinstance(layer, nn.Conv2d) and layer.stride == (2, 2)
    ]
    assert strided == [((7, 7), False)] + [((3, 3), False), ((1, 1), True)] * 3


def test_maps_are_those_of_table_1() -> None:
    """56, 28, 14 and 7 pixels."""
    with torch.device("meta"):
        layers = measure(build("resnet34"), input_shape=(3, 224, 224)).layers
    shapes = {layer.name: layer.output_shape for layer in layers}
    names = ("conv2_3", "conv3_4", "conv4_6", "conv5_3")
    assert [shapes[name] for name in names] == [(64, 56, 56), (128, 28, 28), (256, 14, 14), (512, 7, 7)]


def test_network_of_quiet_blocks_passes_its_stem_through() -> None:
    """With every last scale at zero, a block without a projection gives the rectified input."""
    block = build("resnet20", zero_init_residual=True).eval().get_submodule("conv2_1")
    maps_NCHW = torch.randn(1, 16, 5, 5).relu()
    torch.testing.assert_close(block(maps_NCHW), maps_NCHW)
