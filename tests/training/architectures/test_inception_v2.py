"""Both readings of BN-Inception's table have their published counts."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training.architectures import ArchitectureOptionError, build
from training.geometry.measure import measure

# What both readings agree on, and the three modules where they differ.
OUTPUTS = {"3a": 256, "3b": 320, "3c": 576, "4a": 576, "4b": 576, "5a": 1024, "5b": 1024}
DIFFERENT = {"caffe": {"4c": 608, "4d": 608, "4e": 1056}, "slim": {"4c": 576, "4d": 576, "4e": 1024}}


@pytest.mark.parametrize(("reading", "parameters"), [("caffe", 11_295_240), ("slim", 11_194_984)])
def test_reading_has_its_counts_and_outputs(reading: str, parameters: int) -> None:
    """128 filters after the pool of 4c and 4d and biases, or 96 and none."""
    with torch.device("meta"):
        network = build("inception_v2", reading=reading)
    assert sum(weights.numel() for weights in network.parameters()) == parameters
    shapes = {layer.name: layer.output_shape for layer in measure(network, input_shape=(3, 224, 224)).layers}
    for module, channels in (OUTPUTS | DIFFERENT[reading]).items():
        assert shapes[f"inception_{module}"][0] == channels


def test_grids_shrink_inside_3c_and_4e() -> None:
    """28, 14 and 7 pixels, without pools between the modules."""
    with torch.device("meta"):
        layers = measure(build("inception_v2"), input_shape=(3, 224, 224)).layers
    sides = {layer.name: layer.output_shape[1] for layer in layers if layer.kind == "Concatenation"}
    assert [sides[f"inception_{module}"] for module in ("3b", "3c", "4d", "4e", "5b")] == [28, 14, 14, 7, 7]


def test_last_module_pools_by_maximum() -> None:
    """All others that project average."""
    with torch.device("meta"):
        network = build("inception_v2")
    assert isinstance(network.get_submodule("inception_5b.branch4.0"), nn.MaxPool2d)
    assert isinstance(network.get_submodule("inception_5a.branch4.0"), nn.AvgPool2d)


def test_unknown_reading_is_refused() -> None:
    """There are two."""
    with pytest.raises(ArchitectureOptionError, match="reading may be caffe, slim, not 'torch'"):
        build("inception_v2", reading="torch")
