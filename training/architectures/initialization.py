"""Random weights to start from, by the name of whoever proposed them.

A network starts learning only if signals neither die nor explode on their way through it, and each paper answers
that in its own way. The schemes stand here once; every architecture names its own. Batch normalisation always
starts as the identity.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, TypeVar

import torch
from torch import nn

Scheme = Literal["zeros", "he", "he_fan_in", "glorot", "gaussian_001", "lecun_1998"]
Network = TypeVar("Network", bound=nn.Module)

_WITHIN_TWO_DEVIATIONS = math.erf(2 / math.sqrt(2))  # share of a normal distribution
_DEVIATION_WHEN_CUT = 0.8796  # of a unit normal distribution cut at two deviations


def initialize(network: Network, *, scheme: Scheme) -> Network:
    """Draw the weights of every convolution and fully connected layer; biases start at 0 but in `lecun_1998`.

    Args:
        network: changed in place.
        scheme: `zeros` (convex problems only); `he` (normal, variance 2 / fan out for convolutions and 2 / fan in for
            fully connected layers); `he_fan_in` (truncated normal, variance 2 / fan in); `glorot` (uniform);
            `gaussian_001` (normal, deviation 0.01); `lecun_1998` (uniform within 2.4 / fan in, biases too).

    Returns:
        The same network.

    Source: He et al. 2015, arXiv 1502.01852; Glorot and Bengio 2010; Krizhevsky et al. 2012; LeCun et al. 1998.
    """
    fill = _FILLS[scheme]
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            fill(layer)
    return network


def _zeros(layer: nn.Conv2d | nn.Linear) -> None:
    nn.init.zeros_(layer.weight)


def _he(layer: nn.Conv2d | nn.Linear) -> None:
    # Fan out keeps the gradients' scale through the convolutions; a fully connected layer onto few classes would
    # start far too loud.
    nn.init.kaiming_normal_(
        layer.weight, mode="fan_out" if isinstance(layer, nn.Conv2d) else "fan_in", nonlinearity="relu"
    )


def _he_fan_in(layer: nn.Conv2d | nn.Linear) -> None:
    truncated_normal(layer.weight, deviation=math.sqrt(2 / fan_in(layer.weight)) / _DEVIATION_WHEN_CUT)


def _glorot(layer: nn.Conv2d | nn.Linear) -> None:
    nn.init.xavier_uniform_(layer.weight)


def _gaussian_001(layer: nn.Conv2d | nn.Linear) -> None:
    nn.init.normal_(layer.weight, std=0.01)


def _lecun_1998(layer: nn.Conv2d | nn.Linear) -> None:
    bound = 2.4 / fan_in(layer.weight)
    nn.init.uniform_(layer.weight, -bound, bound)
    if layer.bias is not None:
        nn.init.uniform_(layer.bias, -bound, bound)


def fan_in(weight: torch.Tensor) -> int:
    """Count the inputs of one unit of a convolution or a fully connected layer."""
    return weight[0].numel()


def truncated_normal(weight: torch.Tensor, *, deviation: float) -> None:
    """Draw from a normal distribution cut at two deviations.

    Args:
        weight: changed in place.
        deviation: of the normal distribution before it is cut.
    """
    with torch.no_grad():
        # The inverse of the distribution function; torch's own draws again and again and takes ten times as long.
        weight.uniform_(-_WITHIN_TWO_DEVIATIONS, _WITHIN_TWO_DEVIATIONS).erfinv_().mul_(math.sqrt(2) * deviation)


_FILLS: dict[Scheme, Callable[[nn.Conv2d | nn.Linear], None]] = {
    "zeros": _zeros,
    "he": _he,
    "he_fan_in": _he_fan_in,
    "glorot": _glorot,
    "gaussian_001": _gaussian_001,
    "lecun_1998": _lecun_1998,
}
