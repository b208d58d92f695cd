"""`training.learning.averaging`: the mean follows the weights, quickly at first and slowly later."""

from __future__ import annotations

import torch
from torch import nn

from training.learning.averaging import average_of, decay_after


def test_mean_is_the_one_that_can_be_worked_out_by_hand() -> None:
    """Each step keeps the share that its number allows of the mean and adds the rest of the new weights."""
    network = nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(0.0)
    average = average_of(network, decay=0.9)
    expected = 0.0
    for step, value in enumerate((1.0, 4.0, -2.0, 8.0)):
        network.weight.data.fill_(value)
        average.update_parameters(network)
        share = 0.0 if step == 0 else decay_after(step, decay=0.9)
        expected = share * expected + (1 - share) * value
    assert torch.allclose(average.module.weight, torch.tensor([[expected]]))  # type: ignore[arg-type]  # a Linear


def test_share_that_stays_grows_to_the_decay() -> None:
    """Little is kept of the first weights; after many steps, exactly as much as the recipe says."""
    assert decay_after(1, decay=0.99) < 0.2
    assert decay_after(100_000, decay=0.99) == 0.99


def test_statistics_of_normalisation_are_averaged_too() -> None:
    """Means without their statistics would answer for another network."""
    network = nn.BatchNorm1d(1)
    average = average_of(network, decay=0.5)
    for value in (0.0, 10.0):
        assert network.running_mean is not None
        network.running_mean.fill_(value)
        average.update_parameters(network)
    mean = average.module.running_mean
    assert isinstance(mean, torch.Tensor)
    assert 0.0 < mean.item() < 10.0
