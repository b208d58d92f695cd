"""In which precision a network computes: told, or read from its operators and the types of its weights."""

from __future__ import annotations

from typing import Final

from service.adding.signature import Signature
from service.adding.told import Told
from service.artifact import Precision

_QUANTISED: Final = frozenset(
    {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "ConvInteger", "MatMulInteger"}
    | {"QLinearConv", "QLinearMatMul", "QGemm", "MatMulIntegerToFloat", "DynamicQuantizeMatMul", "MatMulNBits"}
)


def precision_of(signature: Signature, told: Told) -> Precision:
    """Name the precision of a network's weights.

    Args:
        signature: What the file declares.
        told: What the flags say.

    """
    if told.precision is not None:
        return told.precision
    if any(kind in _QUANTISED for kind in signature.operators):
        return "int8"
    return "fp16" if signature.weights["float16"] > signature.weights["float32"] else "fp32"
