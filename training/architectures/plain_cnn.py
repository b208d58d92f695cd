"""A plain convolutional network of which everything can be set, so that a search can choose its form.

Paper: K. Jarrett, K. Kavukcuoglu, M. Ranzato and Y. LeCun, "What is the best multi-stage architecture for object
recognition?", ICCV 2009.

What was new: a network is stages of one kind, filters, rectification, normalisation, pooling; and which of these
matter was found by trying them in combination instead of arguing. That is what a search over this file's options does.

What differs here: each option is a number of its own, so that it can be searched by itself, and every combination of
them is a network. For that, windows never shrink a map (strides and pools do, to half, rounded as they are), a map of
one pixel is not pooled any more, and `filters` is the width of the first stage: each stage that makes the map smaller
doubles the width of the next, which keeps the cost of the stages alike, as in VGG and ResNet. Whoever wants other
widths names all of them in `widths`. Normalisation is that of batches (Ioffe and Szegedy 2015), weights are learned by
back-propagation throughout, and they start as He et al. proposed, or as Glorot and Bengio did for tanh.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import nn

from training.architectures.errors import ArchitectureOptionError, chosen
from training.architectures.initialization import Scheme, initialize
from training.architectures.padding import SamePad2d

Layers = OrderedDict[str, nn.Module]

_ACTIVATIONS: dict[str, tuple[Callable[[], nn.Module], Scheme]] = {
    "relu": (nn.ReLU, "he"),
    "tanh": (nn.Tanh, "glorot"),
}
_POOLS: dict[str, Callable[[int], nn.Module] | None] = {"max": nn.MaxPool2d, "average": nn.AvgPool2d, "none": None}


@dataclass(frozen=True, slots=True)
class _Stage:
    """One stage: its filters, the side of their windows, their stride, the side of the map that enters, its pool."""

    filters: int
    kernel: int
    stride: int
    side: int
    pooled: bool

    @property
    def filtered_side(self) -> int:
        """Side of the map that the filters give."""
        return -(-self.side // self.stride)

    @property
    def next_side(self) -> int:
        """Side of the map that the stage gives."""
        return self.filtered_side // 2 if self.pooled and self.filtered_side > 1 else self.filtered_side


def plain_cnn(
    *,
    num_classes: int,
    in_channels: int,
    input_size: int,
    layers: int = 3,
    filters: int = 32,
    widths: Sequence[int] = (),
    kernel_size: int | Sequence[int] = 3,
    stride: int | Sequence[int] = 1,
    pool: Literal["max", "average", "none"] = "max",
    batch_norm: bool = True,
    activation: Literal["relu", "tanh"] = "relu",
    head: Literal["flatten", "average"] = "flatten",
    hidden: int | Sequence[int] = 128,
    dropout: float = 0.0,
) -> nn.Module:
    """Build stages of convolution, normalisation, activation and pool, then fully connected layers.

    By default 357,034 parameters for colour pictures of 32 pixels and 10 classes.

    Args:
        num_classes: width of the last layer.
        in_channels: channels of the picture.
        input_size: side of the picture in pixels.
        layers: number of stages.
        filters: of the first stage; twice as many after each stage that makes the map smaller.
        widths: filters of every stage, in place of `layers` and `filters`.
        kernel_size: side of the windows in pixels, one for all stages or one for each.
        stride: pixels between two windows, one for all stages or one for each.
        pool: what each stage keeps of four neighbours; `none` keeps all.
        batch_norm: normalise after each convolution.
        activation: what follows every layer with weights but the last.
        head: whether the last map is flattened, or each of its channels averaged first.
        hidden: width of each fully connected layer before the last, or of the only one; 0 for none.
        dropout: share of the inputs of each fully connected layer that is silenced while training.

    Raises:
        ArchitectureOptionError: an option has no such value, or not one for each stage.
    """
    act, scheme = chosen("activation", activation, among=_ACTIVATIONS)
    pooling = chosen("pool", pool, among=_POOLS)
    averaged = chosen("head", head, among={"flatten": False, "average": True})
    _require_positive(layers=layers, filters=filters)
    if not 0 <= dropout < 1:
        raise ArchitectureOptionError(f"dropout must be at least 0 and below 1, not {dropout!r}.")
    stages = _stages(
        input_size,
        widths=widths or (filters,) * layers,
        doubling=not widths,
        kernels=_for_each("kernel_size", kernel_size, stages=len(widths) or layers),
        strides=_for_each("stride", stride, stages=len(widths) or layers),
        pooled=pooling is not None,
    )
    network = _features(in_channels, stages, pooling=pooling, batch_norm=batch_norm, act=act)
    features = stages[-1].filters * (1 if averaged else stages[-1].next_side ** 2)
    if averaged:
        network["average"] = nn.AdaptiveAvgPool2d(1)
    network["flatten"] = nn.Flatten()
    _append_classifier(network, features, hidden=hidden, num_classes=num_classes, dropout=dropout, act=act)
    return initialize(nn.Sequential(network), scheme=scheme)


def _stages(
    side: int, *, widths: Sequence[int], doubling: bool, kernels: Sequence[int], strides: Sequence[int], pooled: bool
) -> list[_Stage]:
    """Work out every stage's filters and maps, first to last."""
    stages: list[_Stage] = []
    factor = 1
    for width, kernel, stride in zip(widths, kernels, strides, strict=True):
        _require_positive(widths=width)
        stage = _Stage(width * factor, kernel, stride, side, pooled)
        stages.append(stage)
        factor *= 2 if doubling and stage.next_side < side else 1
        side = stage.next_side
    return stages


def _features(
    in_channels: int,
    stages: Sequence[_Stage],
    *,
    pooling: Callable[[int], nn.Module] | None,
    batch_norm: bool,
    act: Callable[[], nn.Module],
) -> Layers:
    network = Layers()
    for number, stage in enumerate(stages, start=1):
        even = stage.kernel % 2 == 0  # needs one pixel more on one side than on the other
        if even:
            network[f"pad{number}"] = SamePad2d(stage.kernel, stride=stage.stride)
        network[f"conv{number}"] = nn.Conv2d(
            in_channels,
            stage.filters,
            stage.kernel,
            stage.stride,
            padding=0 if even else stage.kernel // 2,
            bias=not batch_norm,  # the normalisation would take it out again
        )
        if batch_norm:
            network[f"norm{number}"] = nn.BatchNorm2d(stage.filters)
        network[f"activation{number}"] = act()
        if pooling is not None and stage.next_side < stage.filtered_side:
            network[f"pool{number}"] = pooling(2)
        in_channels = stage.filters
    return network


def _append_classifier(
    network: Layers,
    features: int,
    *,
    hidden: int | Sequence[int],
    num_classes: int,
    dropout: float,
    act: Callable[[], nn.Module],
) -> None:
    widths = [hidden] if isinstance(hidden, int) else list(hidden)
    for number, width in enumerate([width for width in widths if width != 0], start=1):
        _require_positive(hidden=width)
        if dropout:
            network[f"dropout{number}"] = nn.Dropout(dropout)
        network[f"hidden{number}"] = nn.Linear(features, width)
        network[f"hidden{number}_activation"] = act()
        features = width
    if dropout:
        network["dropout_output"] = nn.Dropout(dropout)
    network["output"] = nn.Linear(features, num_classes)


def _for_each(option: str, value: int | Sequence[int], *, stages: int) -> Sequence[int]:
    values = (value,) * stages if isinstance(value, int) else value
    if len(values) != stages:
        raise ArchitectureOptionError(f"{option} names {len(values)} stages, but there are {stages}: {tuple(values)}.")
    for one in values:
        _require_positive(**{option: one})
    return values


def _require_positive(**options: int) -> None:
    for option, value in options.items():
        if value < 1:
            raise ArchitectureOptionError(f"{option} must be at least 1, not {value!r}.")
