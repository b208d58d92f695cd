"""The two precisions behind one face: what can be calibrated and spared, and the bytes of the file that follows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import onnx

from service.artifact import Input
from training.quantization.calibration import Calibration, tensor_ranges
from training.quantization.errors import QuantizationError
from training.quantization.fp16 import to_fp16
from training.quantization.inputs import Inputs
from training.quantization.int8 import to_int8
from training.quantization.layers import Layer, Layers, find_layers, with_names
from training.quantization.preparation import prepared


class Writer(Protocol):
    """Writes one network in one precision, in as many forms as are asked for."""

    @property
    def layers(self) -> Layers:
        """What there is to choose from."""

    @property
    def calibrations(self) -> tuple[str, ...]:
        """Names of the ways to find ranges."""

    def write(self, *, calibration: str, spared: Collection[Layer]) -> bytes:
        """Write the file with these layers in float32."""

    def write_alone(self, layers: Sequence[Layer], *, calibration: str) -> bytes:
        """Write a file in which only these layers are in fewer bits."""


@dataclass(frozen=True, slots=True)
class Int8Writer:
    """Writes int8.

    Args:
        model: As `prepared` gives it.
        layers: Of the model.
        ranges: Of its tensors, for each calibration.

    """

    model: onnx.ModelProto
    layers: Layers
    ranges: dict[Calibration, Any]  # see calibration.py

    @classmethod
    def of(
        cls,
        network: bytes,
        *,
        calibrations: Sequence[Calibration],
        inputs: Inputs,
        spec: Input,
        fixed_batch: int | None,
    ) -> Int8Writer:
        """Prepare a network and calibrate it once for all forms.

        Raises:
            QuantizationError: It has no layer with weights, or is none that can be prepared.

        """
        model = prepared(network)
        layers = _some(find_layers(model))
        ranges = {
            calibration: tensor_ranges(
                model, calibration=calibration, inputs=inputs, spec=spec, fixed_batch=fixed_batch
            )
            for calibration in calibrations
        }
        return cls(model, layers, ranges)

    @property
    def calibrations(self) -> tuple[str, ...]:
        """Names of the ways in which ranges were found."""
        return tuple(self.ranges)

    def write(self, *, calibration: str, spared: Collection[Layer]) -> bytes:
        """Write the file with these layers in float32, and whole numbers in between as far as they go."""
        chosen = [layer.node for layer in self.layers.all if layer not in spared]
        return self._written([*chosen, *self.layers.carriers], calibration=calibration)

    def write_alone(self, layers: Sequence[Layer], *, calibration: str) -> bytes:
        """Write a file in which only these layers are int8."""
        return self._written([layer.node for layer in layers], calibration=calibration)

    def _written(self, nodes: Sequence[str], *, calibration: str) -> bytes:
        ranges = next(found for name, found in self.ranges.items() if name == calibration)
        return to_int8(self.model, nodes=nodes, ranges=ranges)


@dataclass(frozen=True, slots=True)
class Fp16Writer:
    """Writes fp16, which needs no ranges.

    Args:
        model: With a name for every node.
        layers: Of the model.

    """

    model: onnx.ModelProto
    layers: Layers

    @classmethod
    def of(cls, network: bytes) -> Fp16Writer:
        """Read a network.

        Raises:
            QuantizationError: It has no layer with weights.

        """
        model = with_names(onnx.load_model_from_string(network))
        return cls(model, _some(find_layers(model)))

    @property
    def calibrations(self) -> tuple[str, ...]:
        """One, and it is none."""
        return ("none",)

    def write(self, *, calibration: str, spared: Collection[Layer]) -> bytes:
        """Write the file with these layers in float32."""
        del calibration
        kept = {layer.node for layer in spared}
        return to_fp16(self.model, nodes=[node.name for node in self.model.graph.node if node.name not in kept])

    def write_alone(self, layers: Sequence[Layer], *, calibration: str) -> bytes:
        """Write a file in which only these layers are float16."""
        del calibration
        return to_fp16(self.model, nodes=[layer.node for layer in layers])


def _some(layers: Layers) -> Layers:
    if not layers.all:
        raise QuantizationError("The network has no convolution or linear layer with weights, so nothing would change.")
    return layers
