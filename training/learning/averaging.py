"""A running mean of the weights, which is steadier than the weights of any one step.

torch keeps the mean; here stands how much each step counts, and that few steps may not count too much: the mean would
otherwise remember the first weights long after they were any good.

Source: Polyak and Juditsky 1992; as an exponential moving average with a warm-up, Tarvainen and Valpola 2017,
arXiv 1703.01780.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

Tensors = tuple[torch.Tensor, ...] | list[torch.Tensor]
Update = Callable[[Tensors, Tensors, torch.Tensor | int], None]


def average_of(network: nn.Module, *, decay: float) -> AveragedModel:
    """Start a mean at the present weights; `update_parameters(network)` adds a step.

    Args:
        network: Weights and the statistics of normalisation are averaged.
        decay: Share of the mean that stays at each step, once there were enough steps.

    """
    average = AveragedModel(network, use_buffers=True)
    average.multi_avg_fn = _warming_up(average, decay=decay)
    return average


def decay_after(steps: int, *, decay: float) -> float:
    """Give the share that stays after so many steps: at most `decay`, and little at first."""
    return min(decay, (1 + steps) / (10 + steps))


def _warming_up(average: AveragedModel, *, decay: float) -> Update:
    def update(means: Tensors, values: Tensors, steps: torch.Tensor | int) -> None:
        # the number that is handed in lies on a GPU where the weights do, and reading it would wait for the GPU
        share = decay_after(int(average.n_averaged), decay=decay)
        mix = cast(Update, get_ema_multi_avg_fn(share))  # type: ignore[no-untyped-call]  # torch leaves it untyped
        mix(means, values, steps)

    return update
