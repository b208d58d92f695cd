"""What the numbers of an output are is read from the end of the graph, and from the numbers where that says nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from service.adding.answer import ending_of, meaning_of
from service.adding.signature import Operator, Signature, TensorInfo
from service.adding.told import Notes, Told
from service.errors import InvalidParameterError

SHARES = [[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]
LOGITS = [[3.0, -1.0, 0.5], [0.2, 4.0, -2.0]]


def meaning(values: Any, kind: str, *, is_rounded: bool = False, **flags: Any) -> tuple[str, Notes]:
    """Ask for the meaning of numbers behind an operator."""
    notes = Notes()
    ending = Operator(kind, ("x",)) if kind else None
    told = Told(name="m", **flags)
    values_NK = np.array(values, dtype=np.float32)
    return meaning_of(values_NK, ending=ending, told=told, notes=notes, is_rounded=is_rounded), notes


@pytest.mark.parametrize(
    ("values", "kind", "holds"),
    [
        (SHARES, "Softmax", "probabilities"),
        (SHARES, "Div", "probabilities"),
        (SHARES, "", "probabilities"),
        (LOGITS, "Gemm", "logits"),
        (LOGITS, "LogSoftmax", "logits"),
        (LOGITS, "If", "logits"),
        ([[0.3], [0.9]], "Sigmoid", "sigmoid"),
        ([[0.3], [0.9]], "Gemm", "logit"),
        ([[3.0], [-2.0]], "If", "logit"),
    ],
)
def test_graph_and_numbers_together_say_what_they_are(values: Any, kind: str, holds: str) -> None:
    """None of these is an assumption."""
    found, notes = meaning(values, kind)
    assert (found, notes.assumed) == (holds, [])
    assert len(notes.found) == 1


@pytest.mark.parametrize(
    ("values", "kind", "holds", "words"),
    [
        ([[0.3], [0.9]], "If", "sigmoid", "it lay in 0..1 for every picture tried"),
        ([[0.9, 0.8], [0.1, 0.3]], "Sigmoid", "probabilities", "one class is right"),
        ([[1.0, 1.0], [1.0, 1.0]], "Softmax", "probabilities", "the graph ends in Softmax and their sums run from 2"),
    ],
)
def test_what_neither_shows_is_assumed_and_said(values: Any, kind: str, holds: str, words: str) -> None:
    """With the flag that says otherwise."""
    found, notes = meaning(values, kind)
    assert found == holds
    (assumed,) = notes.assumed
    assert words in assumed.text
    assert assumed.flag == "--holds"


def test_rounding_of_a_quantised_softmax_is_no_reason_to_doubt_it() -> None:
    """A thousand classes of steps of 1/256 do not sum to 1."""
    values = np.full((2, 1000), 1 / 1000)
    rounded = np.round(values * 256) / 256
    rounded[:, 0] = 0.8
    assert meaning(rounded, "", is_rounded=True)[0] == "probabilities"
    assert meaning(rounded, "")[0] == "logits"


def test_what_is_told_counts_unless_the_numbers_cannot_be_that() -> None:
    """--holds decides between what is possible."""
    assert meaning(SHARES, "Softmax", holds="logits")[0] == "logits"
    assert meaning([[0.3]], "Gemm", holds="sigmoid")[0] == "sigmoid"
    for values, holds in (([[0.3]], "probabilities"), (SHARES, "logit")):
        with pytest.raises(InvalidParameterError, match="--holds must be"):
            meaning(values, "", holds=holds)


def signature(*kinds: str) -> Signature:
    """Make a chain of operators, the last of which gives `answer`."""
    names = [f"t{place}" for place in range(len(kinds))]
    names[-1] = "answer"
    sources = ["image", *names[:-1]]
    producers = {name: Operator(kind, (source,)) for name, kind, source in zip(names, kinds, sources, strict=True)}
    return Signature(producers=producers)


@pytest.mark.parametrize(
    ("kinds", "ending"),
    [
        (("Gemm", "Softmax"), "Softmax"),
        (("Softmax", "Reshape", "Cast"), "Softmax"),
        (("QLinearConv", "Flatten", "DequantizeLinear"), "QLinearConv"),
        (("Identity",), None),
        (("Softmax", *["Identity"] * 100), None),
    ],
)
def test_operators_that_only_move_numbers_are_looked_through(kinds: tuple[str, ...], ending: str | None) -> None:
    """Down to the one that gives them their meaning, and not for ever."""
    found = ending_of(signature(*kinds), TensorInfo("answer", "float32", None))
    assert (found.kind if found else None) == ending
