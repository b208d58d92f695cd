"""Which layers to spare and how to calibrate: a few forms of the same file, measured on pictures held back.

The first layer sees raw pixels and the last one decides between classes; both are small, so leaving them in float32
costs little time and sometimes saves accuracy. Whether it pays is measured for each network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.quantization.layers import Layer, Layers

# Errors that differ by two pictures of a thousand count as equal: 1 % of first guesses changed is a usual figure, and
# the difference of ten right and wrong ones scatters by more than that.
SLACK = 0.002
_SAME_PACE = 1.05  # times within 5 % count as equal


@dataclass(frozen=True, slots=True)
class Sparing:
    """A choice of layers that stay in float32.

    Args:
        name: In words.
        spared: The layers.

    """

    name: str
    spared: tuple[Layer, ...]

    def nodes(self, layers: Layers) -> tuple[str, ...]:
        """Name the nodes that are left to quantise; empty where every layer is spared."""
        spared = {layer.node for layer in self.spared}
        chosen = tuple(layer.node for layer in layers.all if layer.node not in spared)
        return (*chosen, *layers.carriers) if chosen else ()


@dataclass(frozen=True, slots=True)
class Measured:
    """One form of the file, measured on held-back pictures.

    Args:
        calibration: How ranges were found; `none` where the precision needs none.
        sparing: What stays in float32, in words.
        spared: Names of these layers' weights.
        error: Share of wrong first guesses.
        changed: Share of first guesses that differ from float32's.
        ratio: Its time by float32's.

    """

    calibration: str
    sparing: str
    spared: tuple[str, ...]
    error: float
    changed: float
    ratio: float


def ladder(layers: Layers, *, always: Sequence[Layer] = ()) -> tuple[Sparing, ...]:
    """List the choices worth measuring, each once.

    Args:
        layers: Of the network.
        always: Layers that stay in float32 in every form.

    """
    choices = {
        "nothing": (),
        "the first layer": layers.first,
        "the last layer": layers.last,
        "the first and the last layer": (*layers.first, *layers.last),
    }
    found: dict[tuple[str, ...], Sparing] = {}
    for name, spared in choices.items():
        sparing = Sparing(name, tuple(dict.fromkeys((*spared, *always))))
        if sparing.nodes(layers):
            found.setdefault(tuple(sorted(layer.node for layer in sparing.spared)), sparing)
    return tuple(found.values())


def best_of(measured: Sequence[Measured]) -> Measured:
    """Choose by error, then by time, then by how often the first guess stays what it was.

    An error within `SLACK` of the lowest and a time within 5 % of the shortest are not told apart from it: the choice
    shall not hang on noise.
    """
    lowest = min(form.error for form in measured)
    as_good = [form for form in measured if form.error <= lowest + SLACK]
    shortest = min(form.ratio for form in as_good)
    as_fast = [form for form in as_good if form.ratio <= shortest * _SAME_PACE]
    return min(as_fast, key=lambda form: (form.changed, form.error, form.ratio))
