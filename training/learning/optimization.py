"""How gradients become better weights: parameter groups, optimisers, schedules.

A schedule is a function of the step and keeps no state, so that a resumed run is on it without having to be told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import nn

from training.architectures import backbone_and_head
from training.recipe import Optimizer, Schedule

_NORMALISATION = (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm)
RATE_FACTOR = "rate_factor"  # key of a parameter group: times the learning rate of the step


def make_optimizer(network: nn.Module, *, recipe: Optimizer, layer_factor: float = 1.0) -> torch.optim.Optimizer:
    """Make the optimiser of a recipe over all trainable weights of a network.

    Args:
        network: Whose weights learn.
        recipe: How.
        layer_factor: Each layer learns at this much of the rate of the layer after it.

    Source: SGD with Nesterov momentum, Sutskever et al. 2013; AdamW, Loshchilov and Hutter 2019, arXiv 1711.05101.

    """
    factors = rate_factors(network, norm_offset_factor=recipe.norm_offset_factor, layer_factor=layer_factor)
    groups = parameter_groups(network, weight_decay=recipe.weight_decay, rate_factors=factors)
    if recipe.name == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.learning_rate)
    nesterov = recipe.momentum > 0
    return torch.optim.SGD(groups, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=nesterov)


def parameter_groups(
    network: nn.Module, *, weight_decay: float, rate_factors: Mapping[int, float] | None = None
) -> list[dict[str, object]]:
    """Divide trainable weights into those that decay and those that do not, and by how fast they learn.

    Biases and the factors of normalisation have one axis; pulling them to zero takes freedom without making the
    network simpler.

    Args:
        network: Whose weights are divided.
        weight_decay: Of weights with more than one axis.
        rate_factors: Times the learning rate, by identity of the weights; 1 where none is given.

    """
    groups: dict[tuple[bool, float], list[torch.Tensor]] = {}
    for weights in network.parameters():
        if weights.requires_grad:
            factor = (rate_factors or {}).get(id(weights), 1.0)
            groups.setdefault((weights.ndim <= 1, factor), []).append(weights)
    return [
        {"params": weights, "weight_decay": 0.0 if spared else weight_decay, RATE_FACTOR: factor}
        for (spared, factor), weights in sorted(groups.items(), key=lambda group: group[0])
    ]


def rate_factors(network: nn.Module, *, norm_offset_factor: float, layer_factor: float) -> dict[int, float]:
    """Tell how much faster or slower than the rest single weights learn.

    Args:
        network: Whose weights are looked at.
        norm_offset_factor: For the offsets of normalisation.
        layer_factor: Once for every layer with weights between these and the head.

    Returns:
        Factors of the learning rate by identity of the weights; none where all learn alike.

    Source: slower lower layers, Howard and Ruder 2018, arXiv 1801.06146.

    """
    factors: dict[int, float] = {}
    if layer_factor != 1.0:
        backbone, _ = backbone_and_head(network)
        weighted = [layer for layer in backbone if list(layer.parameters(recurse=False))]
        for depth, layer in enumerate(reversed(weighted), start=1):
            factors |= {id(weights): layer_factor**depth for weights in layer.parameters(recurse=False)}
    if norm_offset_factor != 1.0:
        offsets = [layer.bias for layer in network.modules() if isinstance(layer, _NORMALISATION)]
        factors |= {id(offset): factors.get(id(offset), 1.0) * norm_offset_factor for offset in offsets}
    return factors


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
