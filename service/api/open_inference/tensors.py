"""A model's two tensors in the protocol's words: names, datatypes, shapes.

Knows manifests; neither requests nor how tensors are written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from service.artifact import Manifest

PICTURES: Final = "BYTES"
NUMBERS: Final = "FP32"  # what networks put out
_DATATYPES: Final = {"float32": "FP32", "float16": "FP16", "uint8": "UINT8"}
_ANY_NUMBER: Final = -1


@dataclass(frozen=True, slots=True)
class ModelTensors:
    """What goes in and what comes out of a model.

    Args:
        input_name: Of the network's input.
        datatype: Of its elements.
        dtype: The same for NumPy, in the byte order in which tensors travel.
        row_shape: Of one picture.
        output_name: Of the network's output.
        classes: Values of one picture there.

    """

    input_name: str
    datatype: str
    dtype: np.dtype[Any]
    row_shape: tuple[int, ...]
    output_name: str
    classes: int

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        """Read a manifest."""
        spec = manifest.input
        shapes = {
            "NCHW": (spec.channels, spec.height, spec.width),
            "NHWC": (spec.height, spec.width, spec.channels),
            "NHW": (spec.height, spec.width),
        }
        return cls(
            input_name=spec.tensor,
            datatype=_DATATYPES[spec.dtype],
            dtype=np.dtype(spec.dtype).newbyteorder("<"),
            row_shape=shapes[spec.layout],
            output_name=manifest.output.tensor,
            classes=len(manifest.labels),
        )

    @property
    def row_bytes(self) -> int:
        """Size of one picture's tensor."""
        return int(np.prod(self.row_shape)) * self.dtype.itemsize

    @property
    def input_metadata(self) -> dict[str, Any]:
        """Describe the input; a picture more or less in a batch is no other shape."""
        return {"name": self.input_name, "datatype": self.datatype, "shape": [_ANY_NUMBER, *self.row_shape]}

    @property
    def output_metadata(self) -> dict[str, Any]:
        """Describe the output."""
        return {"name": self.output_name, "datatype": NUMBERS, "shape": [_ANY_NUMBER, self.classes]}
