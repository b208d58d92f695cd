"""The pieces that several families share: convolution units, parallel branches, shortcuts, heads that only train.

Every network here is a tree of these and of PyTorch's own layers, so that its shape can be computed by walking the tree
(`training.geometry`) and never has to be read off a forward pass. This file knows no family.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.architectures.widths import scaled

Kernel = int | tuple[int, int]
Layers = OrderedDict[str, nn.Module]
Module = Callable[[int], nn.Module]  # makes a module for its input channels
Chain = Callable[..., nn.Sequential]  # `chain` with some of its options chosen


@dataclass(frozen=True, slots=True)
class Conv:
    """One convolution of a `chain`: filters, window (height, width), stride, no padding, groups."""

    filters: int
    kernel: Kernel
    stride: int = 1
    valid: bool = False
    groups: int = 1

    @property
    def padding(self) -> tuple[int, int]:
        """Pixels on each side per axis that keep the size at stride 1, or none."""
        height, width = (self.kernel, self.kernel) if isinstance(self.kernel, int) else self.kernel
        return (0, 0) if self.valid else ((height - 1) // 2, (width - 1) // 2)


def conv_bn_relu(in_channels: int, conv: Conv, *, bias: bool = False, eps: float = 1e-5) -> nn.Sequential:
    """Build convolution, batch normalisation, rectification: the unit of every network since 2015.

    Args:
        in_channels: channels of the input.
        conv: filters, window, stride, padding.
        bias: give the convolution a bias, which batch normalisation takes out again.
        eps: added to the variance before the root.
    """
    layers = OrderedDict[str, nn.Module](
        conv=nn.Conv2d(
            in_channels, conv.filters, conv.kernel, conv.stride, conv.padding, groups=conv.groups, bias=bias
        ),
        norm=nn.BatchNorm2d(conv.filters, eps=eps),
        relu=nn.ReLU(inplace=True),
    )
    return nn.Sequential(layers)


def chain(
    in_channels: int, *steps: Conv | nn.Module | Module, bias: bool = False, eps: float = 1e-5, width: float = 1.0
) -> nn.Sequential:
    """Build one branch of an inception module: each `Conv` as `conv_bn_relu`, pools as they are.

    Args:
        in_channels: channels of the input of the first convolution.
        steps: first to last; of a `Conv` the filters as published, a function makes its layer for the channels that
            reach it.
        bias: as in `conv_bn_relu`.
        eps: as in `conv_bn_relu`.
        width: factor of the filters of every `Conv`.
    """
    layers: list[nn.Module] = []
    for step in steps:
        if isinstance(step, Conv):
            conv = replace(step, filters=scaled(step.filters, width))
            layers.append(conv_bn_relu(in_channels, conv, bias=bias, eps=eps))
        else:
            layers.append(step if isinstance(step, nn.Module) else step(in_channels))
        in_channels = channels_after(layers[-1], in_channels)
    return nn.Sequential(*layers)


def append_modules(layers: Layers, modules: Mapping[str, Module], *, in_channels: int) -> int:
    """Append modules, each made for the channels of the one before.

    Args:
        layers: those below, changed in place.
        modules: by name, first to last.
        in_channels: channels that reach the first of `layers`.

    Returns:
        Channels of the last.
    """
    channels = channels_after(nn.Sequential(layers), in_channels)
    for name, make in modules.items():
        layers[name] = make(channels)
        channels = channels_after(layers[name], channels)
    return channels


def channels_after(layer: nn.Module, channels: int) -> int:
    """Tell the channels of what a layer gives, as `sizes.side_after` tells its pixels.

    Args:
        layer: a convolution, branches, a sequence of such, or a layer that keeps the channels, as residual blocks do.
        channels: those that reach it.
    """
    if isinstance(layer, nn.Conv2d):
        return layer.out_channels
    if isinstance(layer, Branches):
        return sum(channels_after(branch, channels) for branch in layer.children())
    if isinstance(layer, nn.Sequential):
        for part in layer:
            channels = channels_after(part, channels)
    return channels


class Branches(nn.Module):
    """Runs its branches on the same input, in order, and concatenates their channels."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        for number, branch in enumerate(branches, start=1):
            self.add_module(f"branch{number}", branch)

    def forward(self, maps_NCHW: Tensor) -> Tensor:
        """Concatenate what every branch makes of the maps."""
        return torch.cat([branch(maps_NCHW) for branch in self.children()], dim=1)


class Residual(nn.Module):
    """Adds what the body computes to its own input, so that a block starts as almost nothing and gradients pass by it.

    Args:
        body: from the input to the change.
        shortcut: makes the input fit where the shape changes; None passes it on as it is.
        scale: factor of the change.
        relu: rectify the sum.
    """

    def __init__(
        self, body: nn.Module, *, shortcut: nn.Module | None = None, scale: float = 1.0, relu: bool = True
    ) -> None:
        super().__init__()
        self.body = body
        self.shortcut = nn.Identity() if shortcut is None else shortcut
        self.scale = scale
        self.relu = nn.ReLU(inplace=True) if relu else nn.Identity()

    def forward(self, maps_NCHW: Tensor) -> Tensor:
        """Compute relu(shortcut(x) + scale * body(x))."""
        change_NCHW = self.body(maps_NCHW)
        if self.scale != 1.0:
            change_NCHW = self.scale * change_NCHW
        summed: Tensor = self.relu(self.shortcut(maps_NCHW) + change_NCHW)
        return summed


class TrainingOutput(NamedTuple):
    """What a network with auxiliary heads gives while it trains, all logits of shape NK.

    Attributes:
        logits: of the network itself.
        auxiliary_logits: of each head, lowest first; at least one.
        weight: factor of the heads' losses.
    """

    logits: Tensor
    auxiliary_logits: tuple[Tensor, ...]
    weight: float

    def total(self, loss: Callable[[Tensor], Tensor]) -> Tensor:
        """Give the loss of the whole: that of the logits, and `weight` times those of the heads.

        Args:
            loss: of one tensor of logits.
        """
        heads = torch.stack([loss(logits) for logits in self.auxiliary_logits])
        return loss(self.logits) + self.weight * heads.sum()


class AuxiliaryNetwork(nn.Module):
    """A trunk with classifiers half-way up that feed gradients to its lower layers while it trains.

    In evaluation mode, and so in every export, the heads do not run and the output is one plain tensor of logits.

    Args:
        trunk: all layers from the picture to the logits.
        heads: by the name of the layer of the trunk whose output the head classifies; may be empty.
        weight: factor of the heads' losses.
    """

    def __init__(self, trunk: nn.Sequential, *, heads: Mapping[str, nn.Module], weight: float) -> None:
        super().__init__()
        self.trunk = trunk
        self.heads = nn.ModuleDict(heads)
        self.weight = weight

    def forward(self, images_NCHW: Tensor) -> Tensor | TrainingOutput:
        """Compute logits_NK, and with them those of the heads while training."""
        if not (self.training and len(self.heads)):
            logits_NK: Tensor = self.trunk(images_NCHW)
            return logits_NK
        maps, auxiliary = images_NCHW, []
        for name, layer in self.trunk.named_children():
            maps = layer(maps)
            if name in self.heads:
                auxiliary.append(self.heads[name](maps))
        return TrainingOutput(maps, tuple(auxiliary), self.weight)


class StartsFromPictures:
    """A layer whose first weights are made from training pictures and not by chance alone."""

    def start_from(self, images_NCHW: Tensor) -> None:
        """Set the first weights.

        Args:
            images_NCHW: what reaches the layer, normalised as in training.
        """
        raise NotImplementedError
