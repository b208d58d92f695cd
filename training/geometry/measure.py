"""Shapes, receptive fields, parameters and multiply-adds of every layer of a network, by formula.

Nothing is run: the tree of layers is walked in the order in which they compute, and each layer's rule
(`layer_rules.py`) gives its output from its input. The tests compare the result with what PyTorch produces. This
file knows how layers are put together (in a row, side by side, around a shortcut) and not what any single one does.

Batch size is left out everywhere: a shape is (channels, height, width), or (features,) after flattening.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import reduce

from torch import nn

from training.architectures.blocks import AuxiliaryNetwork, Branches, Residual
from training.architectures.views import ViewAverage
from training.geometry.feature_map import FeatureMap
from training.geometry.layer_rules import Effect, rule_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of a network and what it does to one picture.

    Attributes:
        name: dotted name inside the network.
        kind: class of the layer; `Concatenation` and `Sum` where ways meet.
        options: window, stride, groups and so on, as text.
        padding: what is added at the borders, as text; empty for layers without a window.
        input_shape: without the batch.
        output_shape: without the batch.
        parameters: trainable numbers.
        multiply_adds: of convolutions and fully connected layers; 0 for others.
        receptive_field: height and width in pixels of what one output sees, borders left aside.
        jump: rows and columns of pixels between two neighbouring outputs.
        local: whether outputs still stand for places of the picture.
        formulas: how each of the numbers comes about.
    """

    name: str
    kind: str
    options: str
    padding: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    receptive_field: tuple[int, int]
    jump: tuple[int, int]
    local: bool
    formulas: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """All layers of a network in the order in which they compute.

    Attributes:
        input_shape: channels, height and width of the picture.
        layers: first to last.
    """

    input_shape: tuple[int, int, int]
    layers: tuple[Layer, ...]

    @property
    def parameters(self) -> int:
        """Trainable numbers of all layers, without auxiliary heads."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of convolutions and fully connected layers for one picture."""
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def receptive_field(self) -> int:
        """Pixels per side that one place of the last map sees; the whole picture where it is flattened at once."""
        fields = [max(layer.receptive_field) for layer in self.layers if layer.local]
        return fields[-1] if fields else max(self.input_shape[1:])


def measure(network: nn.Module, *, input_shape: tuple[int, int, int]) -> Geometry:
    """Compute what every layer of a network does to one picture.

    Args:
        network: built of the layers that `layer_rules.py` knows, on any device, the meta device too.
        input_shape: channels, height, width in pixels.

    Raises:
        TypeError: the network has a layer without a rule.
        ValueError: a layer does not fit the shape that reaches it; the text names the layer.
    """
    walk = _Walk()
    walk.visit(network, name="", entering=FeatureMap(shape=input_shape))
    return Geometry(input_shape=input_shape, layers=tuple(walk.layers))


@dataclass(slots=True)
class _Walk:
    """One way through a network, writing down each layer."""

    layers: list[Layer] = field(default_factory=list)

    def visit(self, module: nn.Module, *, name: str, entering: FeatureMap) -> FeatureMap:
        """Pass one module, whatever it holds."""
        for kind, way in _WAYS.items():
            if isinstance(module, kind):
                passed: FeatureMap = way(self, module, name=name, entering=entering)
                return passed
        if isinstance(module, nn.Identity):
            return entering
        try:
            effect = rule_for(module)(module, entering)
        except ValueError as error:
            raise ValueError(f"{name or type(module).__name__} does not fit what reaches it: {error}") from error
        return self._write(type(module).__name__, effect, name=name, entering=entering)

    def without_heads(self, pair: AuxiliaryNetwork, *, name: str, entering: FeatureMap) -> FeatureMap:
        return self.visit(pair.trunk, name=_join(name, "trunk"), entering=entering)

    def in_a_row(self, row: nn.Sequential, *, name: str, entering: FeatureMap) -> FeatureMap:
        for child_name, child in row.named_children():
            entering = self.visit(child, name=_join(name, child_name), entering=entering)
        return entering

    def side_by_side(self, branches: Branches, *, name: str, entering: FeatureMap) -> FeatureMap:
        ends = [
            self.visit(branch, name=_join(name, branch_name), entering=entering)
            for branch_name, branch in branches.named_children()
        ]
        meeting = reduce(_widen, ends)
        channels = [end.maps[0] for end in ends]
        output = replace(meeting, shape=(sum(channels), *meeting.shape[1:]))
        formula = f"channels = {' + '.join(map(str, channels))} = {sum(channels)}"
        return self._write("Concatenation", Effect(output=output, formulas=(formula,)), name=name, entering=entering)

    def around_a_shortcut(self, block: Residual, *, name: str, entering: FeatureMap) -> FeatureMap:
        change = self.visit(block.body, name=_join(name, "body"), entering=entering)
        passed = self.visit(block.shortcut, name=_join(name, "shortcut"), entering=entering)
        if change.shape != passed.shape:
            raise ValueError(f"{name}: the body gives {change.shape} and the shortcut {passed.shape}.")
        options = "" if block.scale == 1.0 else f"change times {block.scale:g}"
        effect = Effect(output=_widen(change, passed), options=options)
        summed = self._write("Sum", effect, name=name, entering=entering)
        return self.visit(block.relu, name=_join(name, "relu"), entering=summed)

    def looked_at_often(self, average: ViewAverage, *, name: str, entering: FeatureMap) -> FeatureMap:
        first = len(self.layers)
        logits = self.visit(average.network, name=_join(name, "network"), entering=entering)
        once = sum(layer.multiply_adds for layer in self.layers[first:])
        more = average.views - 1
        formula = f"multiply-adds = {more} x {once:,}, all of the above for each view more"
        effect = Effect(
            output=logits, options=f"mean of {average.views}", multiply_adds=more * once, formulas=(formula,)
        )
        return self._write("ViewAverage", effect, name=name, entering=logits)

    def _write(self, kind: str, effect: Effect, *, name: str, entering: FeatureMap) -> FeatureMap:
        output = effect.output
        layer = Layer(
            name=name,
            kind=kind,
            options=effect.options,
            padding=effect.padding,
            input_shape=entering.shape,
            output_shape=output.shape,
            parameters=effect.parameters,
            multiply_adds=effect.multiply_adds,
            receptive_field=(output.rows.size, output.columns.size),
            jump=(output.rows.jump, output.columns.jump),
            local=output.local,
            formulas=effect.formulas,
        )
        self.layers.append(layer)
        return output


_WAYS: dict[type[nn.Module], Callable[..., FeatureMap]] = {
    nn.Sequential: _Walk.in_a_row,
    AuxiliaryNetwork: _Walk.without_heads,
    ViewAverage: _Walk.looked_at_often,
    Branches: _Walk.side_by_side,
    Residual: _Walk.around_a_shortcut,
}


def _widen(one: FeatureMap, other: FeatureMap) -> FeatureMap:
    """Give one map where two meet: equal in height and width, seeing what either sees."""
    if one.shape[1:] != other.shape[1:]:
        raise ValueError(f"ways of different sizes meet: {one.shape[1:]} and {other.shape[1:]}.")
    return replace(one, rows=one.rows.joined(other.rows), columns=one.columns.joined(other.columns))


def _join(parent: str, child: str) -> str:
    return f"{parent}.{child}" if parent else child
