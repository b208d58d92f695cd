"""Which part of a network does what: the layer that names the classes, all that finds features for it, extra heads."""

from __future__ import annotations

from torch import nn

from training.architectures.blocks import AuxiliaryNetwork
from training.architectures.views import ViewAverage


def backbone_and_head(network: nn.Module) -> tuple[list[nn.Module], nn.Module]:
    """Tell the layer that names the classes from all that finds features for it.

    Args:
        network: any of the catalogue's.

    Returns:
        Every layer of the backbone in the order in which they compute, and the last layer with weights. Auxiliary
        heads belong to neither.

    Raises:
        TypeError: no layer has weights.
    """
    if isinstance(network, ViewAverage):
        return backbone_and_head(network.network)
    trunk = network.trunk if isinstance(network, AuxiliaryNetwork) else network
    layers = [layer for layer in trunk.modules() if not list(layer.children())]
    weighted = [layer for layer in layers if isinstance(layer, (nn.Linear, nn.Conv2d))]
    if not weighted:
        raise TypeError(f"{type(network).__name__} has no fully connected layer or convolution that names classes.")
    head = weighted[-1]
    return [layer for layer in layers if layer is not head], head


def auxiliary_heads(network: nn.Module) -> list[nn.Module]:
    """List the classifiers half-way up that a network trains with; most have none."""
    if isinstance(network, ViewAverage):
        return auxiliary_heads(network.network)
    return list(network.heads.values()) if isinstance(network, AuxiliaryNetwork) else []
