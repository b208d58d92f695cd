"""`training.learning.optimization`: groups, optimisers and schedules do what their recipe says."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from training.learning.optimization import make_optimizer, make_schedule, parameter_groups, set_learning_rate
from training.recipe import Optimizer, Schedule


def _network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 3))


def test_weights_decay_and_biases_and_norms_do_not() -> None:
    """Two weight matrices decay; two biases and the two vectors of the normalisation are spared; none is forgotten."""
    network = _network()
    decaying, spared = parameter_groups(network, weight_decay=0.1)
    assert [weights.shape for weights in decaying["params"]] == [(2, 1, 3, 3), (3, 2)]  # type: ignore[attr-defined]  # a list
    assert decaying["weight_decay"] == 0.1
    assert len(spared["params"]) == 4  # type: ignore[arg-type]  # a list
    assert spared["weight_decay"] == 0.0


def test_offsets_of_normalisation_learn_at_their_own_rate() -> None:
    """Setting the rate multiplies it for them and for nothing else."""
    network = _network()
    recipe = Optimizer(name="sgd", learning_rate=0.5, norm_offset_factor=64.0)
    optimizer = make_optimizer(network, recipe=recipe)
    set_learning_rate(optimizer, 0.25)
    rates = {id(weights): group["lr"] for group in optimizer.param_groups for weights in group["params"]}
    assert rates.pop(id(network.get_submodule("1").bias)) == 16.0
    assert set(rates.values()) == {0.25}


def test_frozen_weights_are_left_out() -> None:
    """An optimiser holds no state for weights that do not learn."""
    network = nn.Linear(2, 2)
    network.weight.requires_grad_(False)
    (only,) = parameter_groups(network, weight_decay=0.1)
    assert only["params"] == [network.bias]


@pytest.mark.parametrize(("name", "kind"), [("sgd", torch.optim.SGD), ("adamw", torch.optim.AdamW)])
def test_recipe_names_the_optimizer(name: str, kind: type[torch.optim.Optimizer]) -> None:
    """The name decides the method, and the numbers reach it."""
    recipe = Optimizer(name=name, learning_rate=0.3, weight_decay=0.2)  # type: ignore[arg-type]  # the parameters above
    optimizer = make_optimizer(_network(), recipe=recipe)
    assert type(optimizer) is kind
    assert [group["lr"] for group in optimizer.param_groups] == [0.3, 0.3]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.2, 0.0]


def test_sgd_steps_with_nesterov_momentum() -> None:
    """Two steps along a constant gradient of 1 follow Sutskever's rule, worked out by hand."""
    weight = nn.Parameter(torch.zeros(1))
    network = nn.Module()
    network.weight = weight
    optimizer = make_optimizer(network, recipe=Optimizer(name="sgd", learning_rate=1.0, momentum=0.5))
    for _ in range(2):
        weight.grad = torch.ones(1)
        optimizer.step()
    # velocity 1, then 1.5; each step moves by gradient + 0.5 velocity: 1.5, then 1.75
    assert weight.item() == pytest.approx(-3.25)


def test_sgd_without_momentum_is_plain() -> None:
    """Nesterov's form needs momentum, and its absence is no error."""
    assert make_optimizer(_network(), recipe=Optimizer(name="sgd", learning_rate=0.1, momentum=0.0))


def test_cosine_rises_in_a_line_and_falls_to_nothing() -> None:
    """A fifth of 100 steps goes up without ever being zero; then half a cosine goes down."""
    rate = make_schedule(Schedule(name="cosine", warmup_share=0.2), peak=2.0, total_steps=100)
    assert [rate(step) for step in (0, 9, 19)] == pytest.approx([2 / 21, 20 / 21, 40 / 21])
    assert rate(20) == pytest.approx(2.0)
    assert rate(60) == pytest.approx(1.0)
    assert rate(99) == pytest.approx(1 + math.cos(math.pi * 79 / 80))
    rates = [rate(step) for step in range(20, 100)]
    assert rates == sorted(rates, reverse=True)


def test_linear_falls_by_equal_parts() -> None:
    """Each step takes the same away."""
    rate = make_schedule(Schedule(name="linear"), peak=1.0, total_steps=4)
    assert [rate(step) for step in range(4)] == [1.0, 0.75, 0.5, 0.25]


def test_constant_stays_after_its_warm_up() -> None:
    """Without a fall the peak is kept."""
    rate = make_schedule(Schedule(name="constant", warmup_share=0.5), peak=1.0, total_steps=4)
    assert [rate(step) for step in range(4)] == pytest.approx([1 / 3, 2 / 3, 1.0, 1.0])


def test_learning_rate_reaches_every_group() -> None:
    """Biases learn at the rate of the weights."""
    optimizer = make_optimizer(_network(), recipe=Optimizer(name="sgd", learning_rate=0.3))
    set_learning_rate(optimizer, 0.007)
    assert [group["lr"] for group in optimizer.param_groups] == [0.007, 0.007]
