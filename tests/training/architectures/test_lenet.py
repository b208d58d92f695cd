"""LeNet-5's options change what they are named after, and 28 pixels are as good as 32."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from training.architectures import ArchitectureOptionError, build
from training.architectures.pooling import MedianPool2d


def test_pictures_of_28_pixels_are_those_of_32_with_a_margin_of_zeros() -> None:
    """The same weights give the same logits, whoever pads."""
    small, large = build("lenet5", input_size=28).eval(), build("lenet5", input_size=32).eval()
    small.load_state_dict(large.state_dict())
    images_NCHW = torch.randn(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(small(images_NCHW), large(functional.pad(images_NCHW, (2, 2, 2, 2))))


@pytest.mark.parametrize(("pool", "kind"), [("max", nn.MaxPool2d), ("average", nn.AvgPool2d), ("median", MedianPool2d)])
def test_pool_is_the_one_asked_for(pool: str, kind: type[nn.Module]) -> None:
    """Both pools, and not one parameter more."""
    network = build("lenet5", pool=pool)
    assert [isinstance(network.get_submodule(name), kind) for name in ("s2", "s4")] == [True, True]
    assert sum(weights.numel() for weights in network.parameters()) == 61_706


@pytest.mark.parametrize("mode", ["constant", "nearest", "mirror", "wrap"])
def test_same_padding_keeps_the_maps_large(mode: str) -> None:
    """28, 14 and 7 pixels instead of 28, 14 and 5, so that C5 sees 7x7."""
    network = build("lenet5", input_size=28, padding="same", padding_mode=mode)
    assert network.get_parameter("c5.weight").shape == (120, 16, 7, 7)
    assert network(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_widths_and_windows_are_options() -> None:
    """Filters, sizes and hidden neurons are what a search varies."""
    network = build("lenet5", filters=(8, 24, 60), kernel_size=3, hidden=50, activation="tanh")
    shapes = {name: tuple(weights.shape) for name, weights in network.named_parameters() if weights.dim() > 1}
    assert shapes == {
        "c1.weight": (8, 1, 3, 3),
        "c3.weight": (24, 8, 3, 3),
        "c5.weight": (60, 24, 6, 6),
        "f6.weight": (50, 60),
        "output.weight": (10, 50),
    }
    assert isinstance(network.get_submodule("f6_activation"), nn.Tanh)


@pytest.mark.parametrize(
    "options", [{"pool": "mean"}, {"activation": "sigmoid"}, {"padding": "full"}, {"padding_mode": "reflect"}]
)
def test_unknown_values_are_refused_with_those_that_exist(options: dict[str, Any]) -> None:
    """`reflect` is what scipy and torch disagree about, and here nobody's word."""
    (option,) = options
    with pytest.raises(ArchitectureOptionError, match=rf"{option} may be .*, not '{options[option]}'"):
        build("lenet5", **options)
