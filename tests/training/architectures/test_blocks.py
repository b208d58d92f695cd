"""Chains, branches, shortcuts and heads compute what they are named after."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from training.architectures.blocks import (
    AuxiliaryNetwork,
    Branches,
    Conv,
    Residual,
    TrainingOutput,
    chain,
    conv_bn_relu,
)


class _Times(nn.Module):
    """Multiplies by a number, so that it shows who ran."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """Multiply."""
        return maps * self.factor


@pytest.mark.parametrize("kernel", [1, 3, 5, 7, (1, 7), (7, 1), (3, 1)])
def test_conv_keeps_the_size_unless_it_is_valid(kernel: int | tuple[int, int]) -> None:
    """Half the window on each side, per axis; or nothing."""
    height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
    maps = torch.zeros(1, 2, 9, 10)
    assert conv_bn_relu(2, Conv(3, kernel))(maps).shape == (1, 3, 9, 10)
    assert conv_bn_relu(2, Conv(3, kernel, valid=True))(maps).shape == (1, 3, 10 - height, 11 - width)


def test_unit_has_no_bias_unless_asked_and_the_given_epsilon() -> None:
    """Batch normalisation takes any bias out again."""
    plain, biased = conv_bn_relu(2, Conv(3, 1), eps=1e-3), conv_bn_relu(2, Conv(3, 1), bias=True)
    assert sum(weights.numel() for weights in plain.parameters()) == 2 * 3 + 2 * 3
    assert sum(weights.numel() for weights in biased.parameters()) == 2 * 3 + 3 + 2 * 3
    norm = plain.get_submodule("norm")
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.eps == 1e-3


def test_chain_connects_channels_and_passes_pools_through() -> None:
    """2 channels in, a pool, 4 and 3 channels out."""
    layers = chain(2, nn.AvgPool2d(3, 1, padding=1), Conv(4, 1), Conv(3, 3, stride=2))
    assert layers(torch.zeros(1, 2, 8, 8)).shape == (1, 3, 4, 4)


def test_branches_concatenate_in_the_order_given() -> None:
    """The first branch's channels come first."""
    output = Branches(_Times(2), _Times(-1))(torch.ones(1, 1, 1, 1))
    assert output.flatten().tolist() == [2.0, -1.0]


def test_residual_adds_scales_and_rectifies() -> None:
    """relu(shortcut(x) + scale * body(x)), by hand."""
    maps = torch.tensor([1.0, -2.0]).view(1, 2, 1, 1)
    assert Residual(_Times(3))(maps).flatten().tolist() == [4.0, 0.0]
    assert Residual(_Times(3), relu=False)(maps).flatten().tolist() == [4.0, -8.0]
    assert Residual(_Times(3), scale=0.5, relu=False)(maps).flatten().tolist() == [2.5, -5.0]
    assert Residual(_Times(3), shortcut=_Times(10), relu=False)(maps).flatten().tolist() == [13.0, -26.0]


def test_residual_leaves_its_input_as_it_was() -> None:
    """Its rectification works in place, on the sum and not on what other layers still need."""
    maps = torch.full((1, 1, 2, 2), -1.0)
    Residual(_Times(0.5))(maps)
    assert torch.equal(maps, torch.full((1, 1, 2, 2), -1.0))


def _network(*, heads: dict[str, nn.Module]) -> AuxiliaryNetwork:
    trunk = nn.Sequential()
    trunk.add_module("first", _Times(2))
    trunk.add_module("second", _Times(5))
    return AuxiliaryNetwork(trunk, heads=heads, weight=0.3)


def test_heads_see_the_layer_they_are_named_after_while_training() -> None:
    """The head on `first` sees twice the input, the output is ten times."""
    output = _network(heads={"first": _Times(100)}).train()(torch.ones(1, 1))
    assert isinstance(output, TrainingOutput)
    assert output.logits.item() == 10
    assert [logits.item() for logits in output.auxiliary_logits] == [200]
    assert output.weight == 0.3


def test_total_loss_weighs_the_heads() -> None:
    """2 of the logits, and 0.3 times 5 and 7 of the heads."""
    output = TrainingOutput(torch.tensor(2.0), (torch.tensor(5.0), torch.tensor(7.0)), 0.3)
    assert output.total(lambda logits: 10 * logits).item() == pytest.approx(10 * (2 + 0.3 * 12))


def test_network_without_heads_gives_a_tensor_while_training() -> None:
    """A loop need not care where there is nothing to care about."""
    assert torch.equal(_network(heads={}).train()(torch.ones(1, 1)), torch.full((1, 1), 10.0))


def test_heads_do_not_run_in_evaluation() -> None:
    """One tensor, equal to the trunk's."""
    assert torch.equal(_network(heads={"first": _Times(100)}).eval()(torch.ones(1, 1)), torch.full((1, 1), 10.0))
