"""Which output answers, and what its numbers are: the graph says it where it ends in a softmax or a sigmoid.

Elsewhere running says it: numbers that are never negative and sum to 1 for every picture are probabilities.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.adding.signature import Operator, Signature, TensorInfo
from service.adding.told import Notes, Told
from service.artifact import Holds
from service.errors import ArtifactError, InvalidParameterError

# Operators behind the last one that counts: they move, rename or round numbers and leave their meaning.
_TRANSPARENT: Final = frozenset(
    {"Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Cast", "Transpose", "Dropout", "Clip"}
    | {"QuantizeLinear", "DequantizeLinear"}
)
_SOFTMAX: Final = frozenset({"Softmax", "QLinearSoftmax"})
_SIGMOID: Final = frozenset({"Sigmoid", "HardSigmoid", "QLinearSigmoid"})
_LINEAR: Final = frozenset(
    {"Gemm", "MatMul", "Add", "Sum", "Conv", "GlobalAveragePool", "AveragePool", "ReduceMean", "LogSoftmax"}
    | {"QLinearMatMul", "QGemm", "MatMulInteger", "QLinearConv", "QLinearAdd", "QLinearGlobalAveragePool"}
)
_FLOATS: Final = frozenset({"float32", "float16", "float64"})
_LONGEST_WALK: Final = 64
_ROUNDING: Final = 0.02  # of a sum of probabilities: int8 steps are 1/256, half precision is finer


def output_of(signature: Signature, told: Told, *, path: Path) -> TensorInfo:
    """Find the output that answers.

    Raises:
        ArtifactError: There are several, or the one there is holds no probabilities and no logits.
        InvalidParameterError: `--output` names none.

    """
    outputs = {output.name: output for output in signature.outputs}
    listed = ", ".join(map(str, signature.outputs)) or "none"
    if told.output is not None:
        if told.output not in outputs:
            raise InvalidParameterError("--output", value=told.output, expected=f"an output of the network: {listed}")
        chosen = outputs[told.output]
    elif len(outputs) == 1:
        chosen = signature.outputs[0]
    else:
        raise ArtifactError(path, reason=f"has {len(outputs)} outputs ({listed}); choose one with --output NAME")
    if chosen.dtype not in _FLOATS:
        raise ArtifactError(path, reason=f"its output {chosen} {_why_not(chosen.dtype)}")
    return chosen


def _why_not(dtype: str) -> str:
    if dtype in ("int64", "int32"):
        return "gives class numbers; export the network so that it ends in probabilities or logits, without ArgMax"
    if dtype in ("uint8", "int8"):
        return "is quantised; export the network with a DequantizeLinear at its end"
    return f"is {dtype}; probabilities or logits are numbers of type {', '.join(sorted(_FLOATS))}"


def ending_of(signature: Signature, output: TensorInfo) -> Operator | None:
    """Walk from an output back to the operator that gives its numbers their meaning."""
    name = output.name
    for _ in range(_LONGEST_WALK):
        operator = signature.producers.get(name)
        if operator is None or operator.kind not in _TRANSPARENT or not operator.inputs:
            return operator
        name = operator.inputs[0]
    return None


def meaning_of(
    values_NK: NDArray[np.float32], *, ending: Operator | None, told: Told, notes: Notes, is_rounded: bool
) -> Holds:
    """Say what the numbers of an output are.

    Args:
        values_NK: What the network gave for several pictures.
        ending: Its last operator that counts.
        told: Flags; `--holds` decides.
        notes: Where what was found is written.
        is_rounded: Whether the network is quantised, so that its sums are only about 1.

    Raises:
        InvalidParameterError: `--holds` says what the numbers cannot be.

    """
    kind = ending.kind if ending is not None else ""
    single = values_NK.shape[1] == 1
    if told.holds is not None:
        if single != (told.holds in ("sigmoid", "logit")):
            expected = "sigmoid or logit for one number" if single else "probabilities or logits for several numbers"
            raise InvalidParameterError("--holds", value=told.holds, expected=f"{expected} per picture")
        return told.holds
    if single:
        return _meaning_of_one(values_NK, kind, notes)
    if kind in _SIGMOID:
        notes.assume("one class is right: the sigmoids of several classes are divided by their sum", "--holds")
        return "probabilities"
    return _meaning_of_many(values_NK, kind, notes, is_rounded=is_rounded)


def _meaning_of_one(values_NK: NDArray[np.float32], kind: str, notes: Notes) -> Holds:
    if kind in _SIGMOID:
        notes.find(f"output: one number per picture from {kind}, the second class's probability")
        return "sigmoid"
    if kind in _LINEAR or values_NK.min() < 0 or values_NK.max() > 1:
        notes.find("output: one number per picture without a sigmoid, which is applied here")
        return "logit"
    notes.assume("the one output is a probability, because it lay in 0..1 for every picture tried", "--holds")
    return "sigmoid"


def _meaning_of_many(values_NK: NDArray[np.float32], kind: str, notes: Notes, *, is_rounded: bool) -> Holds:
    sums_N = values_NK.sum(axis=1)
    classes = values_NK.shape[1]
    rounding = _ROUNDING + (classes / 512 if is_rounded else 0)  # each of them may miss by half a step of 1/256
    if values_NK.min() >= -_ROUNDING and np.abs(sums_N - 1).max() <= rounding:
        how = f"the graph ends in {kind}" if kind in _SOFTMAX else "they are positive and sum to 1 where it was run"
        notes.find(f"output: probabilities of {classes} classes ({how})")
        return "probabilities"
    if kind in _SOFTMAX:
        sums = f"their sums run from {sums_N.min():.3g} to {sums_N.max():.3g}"
        notes.assume(f"probabilities, divided by their sum: the graph ends in {kind} and {sums}", "--holds")
        return "probabilities"
    how = f"the graph ends in {kind}" if kind in _LINEAR else "they do not sum to 1 where it was run"
    notes.find(f"output: logits of {classes} classes ({how}); softmax is applied here")
    return "logits"
