"""Arrays taken out of networks: first filters, feature maps of every stage, weights of hidden units.

Works on any tree of PyTorch layers; knows no architecture and draws nothing. Networks are left as they were found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from training.architectures.blocks import AuxiliaryNetwork
from training.architectures.padding import SamePad2d
from training.architectures.views import ViewAverage
from training.figures.duplicates import Layer
from training.figures.feature_maps import Stage

Weights = NDArray[np.floating[Any]]

_MOST_STAGES = 8


def stages_of(network: nn.Module, images_NCHW: torch.Tensor) -> list[Stage]:
    """Run one picture and keep the feature maps that mark its way.

    Args:
        network: In evaluation mode.
        images_NCHW: One picture as the network takes it.

    Returns:
        First to last: the last maps of every size after every layer with weights; of a deep network the last of every
        size. Maps of a single place are no pictures and left out.

    """
    outputs = _outputs(network, images_NCHW)
    detailed = _last_of_each(outputs, [(output.depth, *output.stage.maps_CHW.shape[1:]) for output in outputs])
    if len(detailed) <= _MOST_STAGES:
        return detailed
    return _last_of_each(outputs, [output.stage.maps_CHW.shape[1:] for output in outputs])


def first_weights(network: nn.Module, *, channels: int, height: int, width: int) -> tuple[str, Weights] | None:
    """Find the first layer with weights and cut them as pictures.

    Args:
        network: Any.
        channels: Of the picture.
        height: Of the picture in pixels.
        width: Of the picture in pixels.

    Returns:
        Name of the layer and weights_TCHW; None where that layer does not see the picture itself.

    """
    name, weights = next(_weights(network), ("", torch.empty(0)))
    if weights.ndim == 4 and weights.shape[1] == channels:
        return name, _array(weights)
    if weights.ndim == 2 and weights.shape[1] == channels * height * width:
        return name, _array(weights.reshape(-1, channels, height, width))
    return None


def class_weights(network: nn.Module, *, channels: int, height: int, width: int) -> Weights | None:
    """Cut the weights of a logistic regression as weights_KCHW; None where the network has more than one layer."""
    layers = list(_weights(network))
    if len(layers) != 1 or layers[0][1].ndim != 2:
        return None
    first = first_weights(network, channels=channels, height=height, width=width)
    return None if first is None else first[1]


def hidden_layers(network: nn.Module) -> list[Layer]:
    """Collect the incoming weights of all hidden units and filters; the last layer, which is the answer, is none."""
    layers = [Layer(name, _array(weights.flatten(1))) for name, weights in _weights(network)][:-1]
    return [layer for layer in layers if len(layer.weights_UD) > 1]


def trunk_of(network: nn.Module) -> nn.Module:
    """Leave aside what is put around a network: auxiliary heads, and further looks at the same picture."""
    while isinstance(network, ViewAverage):
        network = network.network
    return network.trunk if isinstance(network, AuxiliaryNetwork) else network


def layers_in_a_row(network: nn.Module, *, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Walk the layers in the order in which they compute; what branches counts as one layer."""
    for child_name, child in network.named_children():
        path = f"{name}.{child_name}" if name else child_name
        if isinstance(child, nn.Sequential):
            yield from layers_in_a_row(child, name=path)
        else:
            yield path, child


@dataclass(frozen=True, slots=True)
class _Output:
    """Feature maps after one layer, and how many layers with weights they have behind them."""

    stage: Stage
    depth: int


def _last_of_each(outputs: Sequence[_Output], keys: Sequence[tuple[int, ...]]) -> list[Stage]:
    """Keep the last output of each key, in the order of the layers."""
    kept: dict[tuple[int, ...], Stage] = {}
    for output, key in zip(outputs, keys, strict=True):
        kept.pop(key, None)  # so that it moves to the end
        kept[key] = output.stage
    return list(kept.values())


def _outputs(network: nn.Module, images_NCHW: torch.Tensor) -> list[_Output]:
    """Collect what every layer in a row gives, where that is feature maps of more than one place."""
    found: list[_Output] = []

    def keep(name: str, *, depth: int) -> Any:  # noqa: ANN401  the type of a hook is PyTorch's own
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            if isinstance(output, torch.Tensor) and output.ndim == 4 and max(output.shape[2:]) > 1:
                # of the picture itself, where there are other views too; a copy, as the next layer may work in place
                found.append(_Output(Stage(name, _array(output[0])), depth))

        return hook

    hooks, depth = [], 0
    for name, layer in layers_in_a_row(trunk_of(network)):
        depth += next(_weights(layer), None) is not None
        if not isinstance(layer, SamePad2d):  # which adds a border and makes no maps of its own
            hooks.append(layer.register_forward_hook(keep(name, depth=depth)))
    try:
        with torch.no_grad():
            network(images_NCHW)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _weights(network: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Walk the weights of convolutions and fully connected layers, fixed ones too; norms and biases have one axis."""
    for name, module in trunk_of(network).named_modules():
        weights = getattr(module, "weight", None)
        if isinstance(weights, torch.Tensor) and weights.ndim in (2, 4):
            yield name, weights


def _array(tensor: torch.Tensor) -> Weights:
    return tensor.detach().cpu().float().numpy().copy()
