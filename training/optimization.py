"""How gradients become better weights: parameter groups, optimisers, schedules.

A schedule is a function of the step and keeps no state, so that a resumed run is on it without having to be told.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn

from training.recipe import Optimizer, Schedule

_NORMALISATION = (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm)
RATE_FACTOR = "rate_factor"  # key of a parameter group: times the learning rate of the step


def make_optimizer(network: nn.Module, *, recipe: Optimizer) -> torch.optim.Optimizer:
    """Make the optimiser of a recipe over all weights of a network.

    Source: SGD with Nesterov momentum, Sutskever et al. 2013; AdamW, Loshchilov and Hutter 2019, arXiv 1711.05101.
    """
    groups = parameter_groups(network, weight_decay=recipe.weight_decay, norm_offset_factor=recipe.norm_offset_factor)
    if recipe.name == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.learning_rate)
    nesterov = recipe.momentum > 0
    return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=nesterov)


def parameter_groups(
    network: nn.Module, *, weight_decay: float, norm_offset_factor: float = 1.0
) -> list[dict[str, object]]:
    """Divide weights into those that decay, those that do not, and those that also learn at a rate of their own.

    Biases and the factors of normalisation have one axis; pulling them to zero takes freedom without making the
    network simpler.

    Args:
        network: Whose trainable weights are taken.
        weight_decay: Of weights with more than one axis.
        norm_offset_factor: Of the learning rate, for the offsets of normalisation.

    """
    norms = [layer for layer in network.modules() if isinstance(layer, _NORMALISATION)]
    offsets = {id(layer.bias) for layer in norms} if norm_offset_factor != 1.0 else set()
    trainable = [weights for weights in network.parameters() if weights.requires_grad]
    decaying = [weights for weights in trainable if weights.ndim > 1]
    spared = [weights for weights in trainable if weights.ndim <= 1 and id(weights) not in offsets]
    moving = [weights for weights in trainable if id(weights) in offsets]
    groups: list[dict[str, object]] = [
        {"params": decaying, "weight_decay": weight_decay, RATE_FACTOR: 1.0},
        {"params": spared, "weight_decay": 0.0, RATE_FACTOR: 1.0},
        {"params": moving, "weight_decay": 0.0, RATE_FACTOR: norm_offset_factor},
    ]
    return [group for group in groups if group["params"]]


def make_schedule(recipe: Schedule, *, peak: float, total_steps: int) -> Callable[[int], float]:
    """Give the learning rate as a function of the step, 0..total_steps - 1.

    Source: cosine, Loshchilov and Hutter 2017, arXiv 1608.03983; warm-up, Goyal et al. 2017, arXiv 1706.02677.
    """
    warmup_steps = round(recipe.warmup_share * total_steps)
    falling_steps = max(1, total_steps - warmup_steps)

    def learning_rate(step: int) -> float:
        if step < warmup_steps:
            return peak * (recipe.first + (1 - recipe.first) * (step + 1) / (warmup_steps + 1))
        return peak * _fall(recipe, (step - warmup_steps) / falling_steps, passed=step / total_steps)

    return learning_rate


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Let the next step use this learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get(RATE_FACTOR, 1.0)


def _fall(recipe: Schedule, progress: float, *, passed: float) -> float:
    """Give the share of the highest rate; `progress` counts from the end of the warm-up, `passed` from the start."""
    if recipe.name == "constant":
        return 1.0
    if recipe.name == "step":
        return float(recipe.drop ** sum(passed >= milestone for milestone in recipe.milestones))
    left = (1 + math.cos(math.pi * progress)) / 2 if recipe.name == "cosine" else 1 - progress
    return recipe.last + (1 - recipe.last) * left
