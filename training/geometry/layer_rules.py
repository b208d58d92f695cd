"""What each kind of layer does to a feature map, by formula: output, parameters, multiply-adds, receptive field.

One rule per kind, found by the layer's class. A rule reads the layer's options, never its numbers, and words the
formula that it used with the numbers in it. How layers are put together is `measure.py`'s business.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from training.architectures.airbench import OffsetBatchNorm2d, Scaled, WhiteningConv2d
from training.architectures.kirsch import FixedConv2d, StrongestChannel
from training.architectures.lenet_1998 import RadialBasis, ScaledTanh, SparseConv2d, Subsampling
from training.architectures.normalization import LocalResponseNorm
from training.architectures.padding import SamePad2d
from training.architectures.pooling import MedianPool2d
from training.architectures.resnet import SubsamplingShortcut
from training.geometry.feature_map import FeatureMap
from training.geometry.windows import Window, field_formula


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a layer gives for a feature map.

    Attributes:
        output: the feature map after it.
        options: window, stride, groups and so on, as text.
        padding: what is added at the borders, as text; empty for layers without a window.
        parameters: trainable numbers.
        multiply_adds: of convolutions and fully connected layers.
        formulas: how the numbers come about, one line each.
    """

    output: FeatureMap
    options: str = ""
    padding: str = ""
    parameters: int = 0
    multiply_adds: int = 0
    formulas: tuple[str, ...] = ()


Rule = Callable[[Any, FeatureMap], Effect]


def rule_for(layer: nn.Module) -> Rule:
    """Find the rule of a layer's class.

    Raises:
        TypeError: there is none.
    """
    for kind in type(layer).__mro__:
        if kind in _RULES:
            return _RULES[kind]
    raise TypeError(
        f"There is no rule for layers of class {type(layer).__name__}; add one to training/geometry/layer_rules.py."
    )


def _convolution(layer: nn.Conv2d, entering: FeatureMap) -> Effect:
    _check_channels(entering, layer.in_channels)
    window = Window.of(layer)
    output, formulas = window.slide(entering, channels=layer.out_channels)
    _, height, width = output.maps
    taps = math.prod(window.kernel) * layer.in_channels // layer.groups
    bias = int(layer.bias is not None)
    parameters = (taps + bias) * layer.out_channels
    multiply_adds = taps * layer.out_channels * height * width
    over = f"/{layer.groups}" if layer.groups > 1 else ""
    seen = f"{window.kernel[0]}*{window.kernel[1]}*{layer.in_channels}{over}"
    return Effect(
        output=output,
        padding=window.padded,
        options=f"{window}" + (f", {layer.groups} groups" if layer.groups > 1 else ""),
        parameters=parameters,
        multiply_adds=multiply_adds,
        formulas=(
            *formulas,
            f"parameters = ({seen} + {bias}) * {layer.out_channels} = {parameters:,}",
            f"multiply-adds = {seen} * {layer.out_channels} * {height}*{width} = {multiply_adds:,}",
        ),
    )


def _fixed_convolution(layer: FixedConv2d, entering: FeatureMap) -> Effect:
    _check_channels(entering, layer.in_channels)
    window = Window.of(layer)
    output, formulas = window.slide(entering, channels=layer.out_channels)
    _, height, width = output.maps
    multiply_adds = math.prod(window.kernel) * layer.in_channels * layer.out_channels * height * width
    product = f"{window.kernel[0]}*{window.kernel[1]}*{layer.in_channels} * {layer.out_channels} * {height}*{width}"
    return Effect(
        output=output,
        padding=window.padded,
        options=f"{window}, fixed",
        multiply_adds=multiply_adds,
        formulas=(*formulas, "parameters = 0, the weights are given", f"multiply-adds = {product} = {multiply_adds:,}"),
    )


def _sparse_convolution(layer: SparseConv2d, entering: FeatureMap) -> Effect:
    _check_channels(entering, layer.in_channels)
    window = Window.of(layer)
    output, formulas = window.slide(entering, channels=layer.out_channels)
    _, height, width = output.maps
    taps = math.prod(window.kernel) * layer.connections
    side, maps = layer.kernel_size, layer.out_channels
    parameters, multiply_adds = taps + maps, taps * height * width
    return Effect(
        output=output,
        padding=window.padded,
        options=f"{window}, {layer.connections} of {layer.in_channels * maps} connections",
        parameters=parameters,
        multiply_adds=multiply_adds,
        formulas=(
            *formulas,
            f"parameters = {side}*{side} * {layer.connections} + {maps} = {parameters:,}",
            f"multiply-adds = {side}*{side} * {layer.connections} * {height}*{width} = {multiply_adds:,}",
        ),
    )


def _pooling(layer: nn.MaxPool2d | nn.AvgPool2d | MedianPool2d, entering: FeatureMap) -> Effect:
    window = Window.of(layer)
    output, formulas = window.slide(entering, channels=entering.maps[0])
    padded_average = isinstance(layer, nn.AvgPool2d) and any(window.padding)
    counted = (" counted" if layer.count_include_pad else " not counted") if padded_average else ""
    return Effect(output=output, options=str(window), padding=f"{window.padded}{counted}", formulas=formulas)


def _subsampling(layer: Subsampling, entering: FeatureMap) -> Effect:
    pooled = _pooling(layer, entering)  # type: ignore[arg-type]  # it has the window of a pool and weights besides
    channels = entering.maps[0]
    formula = f"parameters = 2 * {channels} = {2 * channels}"
    return replace(pooled, parameters=2 * channels, formulas=(*pooled.formulas, formula))


def _same_padding(layer: SamePad2d, entering: FeatureMap) -> Effect:
    channels, height, width = entering.maps
    (top, bottom), (left, right) = layer.amounts(height), layer.amounts(width)
    output = replace(
        entering,
        shape=(channels, top + height + bottom, left + width + right),
        rows=entering.rows.through_window(1, before=top),
        columns=entering.columns.through_window(1, before=left),
    )
    outputs = -(-height // layer.stride)
    covered = f"({outputs} - 1)*{layer.stride} + {layer.dilation}*({layer.kernel_size} - 1) + 1"
    formula = f"rows to add = max({covered} - {height}, 0) = {top + bottom}"
    return Effect(
        output=output,
        options=f"for a {layer.kernel_size}x{layer.kernel_size} window at stride {layer.stride}",
        padding=f"same: rows {top}+{bottom}, columns {left}+{right}, {layer.mode}",
        formulas=(formula,),
    )


def _shortcut(layer: SubsamplingShortcut, entering: FeatureMap) -> Effect:
    channels, _, _ = entering.maps
    window = Window(kernel=(1, 1), stride=(layer.stride, layer.stride), padding=(0, 0))
    output, formulas = window.slide(entering, channels=channels + layer.extra_channels)
    return Effect(
        output=output, options=f"{window}, {layer.extra_channels} channels of zeros", padding="valid", formulas=formulas
    )


def _global_pooling(layer: nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d, entering: FeatureMap) -> Effect:
    if layer.output_size not in (1, (1, 1)):
        raise TypeError(f"Adaptive pooling to {layer.output_size} has windows of several sizes and no one formula.")
    _, height, width = entering.maps
    window = Window(kernel=(height, width), stride=(1, 1), padding=(0, 0))
    output, formulas = window.slide(entering, channels=entering.maps[0])
    return Effect(
        output=replace(output, local=False),
        options=f"{height}x{width} window, all of the map",
        padding="valid",
        formulas=formulas,
    )


def _flatten(_: nn.Flatten, entering: FeatureMap) -> Effect:
    channels, height, width = entering.maps
    output = replace(entering, shape=(channels * height * width,), flattened=(height, width), local=False)
    return Effect(
        output=output, formulas=(f"features = {channels} * {height}*{width} = {channels * height * width:,}",)
    )


def _linear(layer: nn.Linear, entering: FeatureMap) -> Effect:
    if entering.shape != (layer.in_features,):
        raise ValueError(f"it was built for {layer.in_features:,} numbers, and gets {math.prod(entering.shape):,}.")
    bias = int(layer.bias is not None)
    parameters = (layer.in_features + bias) * layer.out_features
    multiply_adds = layer.in_features * layer.out_features
    height, width = entering.flattened
    output = replace(
        entering,
        shape=(layer.out_features,),
        rows=entering.rows.through_window(height),
        columns=entering.columns.through_window(width),
        flattened=(1, 1),
    )
    return Effect(
        output=output,
        parameters=parameters,
        multiply_adds=multiply_adds,
        formulas=(
            field_formula(0, entering.rows, kernel=height, dilation=1, after=output.rows),
            field_formula(1, entering.columns, kernel=width, dilation=1, after=output.columns),
            f"parameters = ({layer.in_features} + {bias}) * {layer.out_features} = {parameters:,}",
            f"multiply-adds = {layer.in_features} * {layer.out_features} = {multiply_adds:,}",
        ),
    )


def _radial_basis(layer: RadialBasis, entering: FeatureMap) -> Effect:
    classes, length = layer.codes.shape
    if entering.shape != (length,):
        raise ValueError(f"it was built for {length} numbers, and gets {math.prod(entering.shape):,}.")
    return Effect(output=replace(entering, shape=(classes,)), options=f"distance to {classes} fixed codes")


def _batch_norm(layer: nn.BatchNorm2d, entering: FeatureMap) -> Effect:
    _check_channels(entering, layer.num_features)
    parameters = 2 * layer.num_features
    return Effect(
        output=entering,
        options=f"eps {layer.eps:g}, momentum {layer.momentum:g}",
        parameters=parameters,
        formulas=(f"parameters = 2 * {layer.num_features} = {parameters:,}",),
    )


def _offset_norm(layer: OffsetBatchNorm2d, entering: FeatureMap) -> Effect:
    formula = f"parameters = {layer.num_features}, offsets alone"
    return replace(_batch_norm(layer, entering), parameters=layer.num_features, formulas=(formula,))


def _whitening(layer: WhiteningConv2d, entering: FeatureMap) -> Effect:
    free = _convolution(layer, entering)
    formula = f"parameters = {layer.out_channels}, offsets alone; the windows come from the pictures"
    formulas = tuple(formula if text.startswith("parameters") else text for text in free.formulas)
    return replace(free, options=f"{free.options}, fixed", parameters=layer.out_channels, formulas=formulas)


def _scaling(layer: Scaled, entering: FeatureMap) -> Effect:
    return Effect(output=entering, options=f"times {layer.factor:.3g}")


def _response_norm(layer: LocalResponseNorm, entering: FeatureMap) -> Effect:
    options = f"{layer.size} channels, k {layer.k:g}, alpha {layer.alpha:g}, beta {layer.beta:g}"
    return Effect(output=entering, options=options)


def _dropout(layer: nn.Dropout, entering: FeatureMap) -> Effect:
    return Effect(output=entering, options=f"{layer.p:g} while training")


def _elementwise(_: nn.Module, entering: FeatureMap) -> Effect:
    return Effect(output=entering)


def _check_channels(entering: FeatureMap, expected: int) -> None:
    if entering.maps[0] != expected:
        raise ValueError(f"it was built for {expected} channels, and gets {entering.maps[0]}.")


_RULES: dict[type[nn.Module], Rule] = {
    nn.Conv2d: _convolution,
    FixedConv2d: _fixed_convolution,
    WhiteningConv2d: _whitening,
    SparseConv2d: _sparse_convolution,
    nn.MaxPool2d: _pooling,
    nn.AvgPool2d: _pooling,
    MedianPool2d: _pooling,
    Subsampling: _subsampling,
    SamePad2d: _same_padding,
    SubsamplingShortcut: _shortcut,
    nn.AdaptiveAvgPool2d: _global_pooling,
    nn.AdaptiveMaxPool2d: _global_pooling,
    nn.Flatten: _flatten,
    nn.Linear: _linear,
    RadialBasis: _radial_basis,
    nn.BatchNorm2d: _batch_norm,
    OffsetBatchNorm2d: _offset_norm,
    LocalResponseNorm: _response_norm,
    nn.Dropout: _dropout,
    nn.ReLU: _elementwise,
    nn.GELU: _elementwise,
    nn.Tanh: _elementwise,
    nn.Hardtanh: _elementwise,
    ScaledTanh: _elementwise,
    Scaled: _scaling,
    StrongestChannel: _elementwise,
}
