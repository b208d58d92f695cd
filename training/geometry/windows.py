"""A window that slides over a feature map: what comes out, what it sees, and the formula with its numbers.

Convolutions and pools of every kind share it; what they do with what the window covers is `layer_rules.py`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from training.architectures.sizes import output_size
from training.geometry.feature_map import FeatureMap, Field

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window sliding over a map: sizes per axis, height first."""

    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair = (1, 1)
    ceil_mode: bool = False

    @classmethod
    def of(cls, layer: Any) -> Window:  # noqa: ANN401 - PyTorch's and our windowed layers share attributes and no class
        """Read the window of a layer."""
        return cls(
            kernel=_pair(layer.kernel_size),
            stride=_pair(layer.stride),
            padding=_pair(layer.padding),
            dilation=_pair(getattr(layer, "dilation", 1)),
            ceil_mode=getattr(layer, "ceil_mode", False),
        )

    def __str__(self) -> str:
        words = [f"{by(self.kernel)} window", f"stride {by(self.stride, short=True)}"]
        if self.dilation != (1, 1):
            words.append(f"dilation {by(self.dilation, short=True)}")
        return ", ".join([*words, "rounded up"] if self.ceil_mode else words)

    @property
    def padded(self) -> str:
        """Pixels added on each side, in words."""
        return by(self.padding, short=True) if any(self.padding) else "valid"

    def slide(self, entering: FeatureMap, *, channels: int) -> tuple[FeatureMap, tuple[str, ...]]:
        """Give the map after the window, and the formulas of its sides and of its receptive field."""
        _, *sides = entering.maps
        outputs, fields, formulas = [], [], []
        for axis, (side, field) in enumerate(zip(sides, (entering.rows, entering.columns), strict=True)):
            kernel, stride, padding, dilation = (
                option[axis] for option in (self.kernel, self.stride, self.padding, self.dilation)
            )
            outputs.append(
                output_size(
                    side, kernel=kernel, stride=stride, padding=padding, dilation=dilation, ceil_mode=self.ceil_mode
                )
            )
            fields.append(field.through_window(kernel, stride=stride, before=padding, dilation=dilation))
            rounding = "ceil" if self.ceil_mode else "floor"
            formulas.append(
                f"{('height', 'width')[axis]} = {rounding}(({side} + 2*{padding} - {dilation}*({kernel} - 1) - 1)"
                f" / {stride}) + 1 = {outputs[-1]}"
            )
            formulas.append(field_formula(axis, field, kernel=kernel, dilation=dilation, after=fields[-1]))
        rows, columns = fields
        leaving = replace(entering, shape=(channels, *outputs), rows=rows, columns=columns)
        return leaving, (formulas[0], formulas[2], formulas[1], formulas[3])


def field_formula(axis: int, before: Field, *, kernel: int, dilation: int, after: Field) -> str:
    """Word how the receptive field grows along one axis."""
    growth = f"{dilation}*({kernel} - 1)*{before.jump}"
    return f"receptive field, {('rows', 'columns')[axis]} = {before.size} + {growth} = {after.size}"


def _pair(extent: int | tuple[int, ...]) -> Pair:
    return (extent, extent) if isinstance(extent, int) else (extent[0], extent[1])


def by(pair: Pair, *, short: bool = False) -> str:
    """Write two lengths as `3x3`, or as one where they are equal and it is to be short."""
    return str(pair[0]) if short and pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"
