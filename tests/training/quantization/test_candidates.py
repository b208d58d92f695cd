"""`training.quantization.candidates`: which forms are tried, and which of them is taken."""

from __future__ import annotations

from training.quantization.candidates import Measured, best_of, ladder
from training.quantization.layers import Layer, Layers

A, B, C = (Layer(name, "Conv", f"{name}.weight") for name in "abc")
CHAIN = Layers(all=(A, B, C), first=(A,), last=(C,), carriers=("pool",))


def _form(name: str, *, error: float, ratio: float, changed: float = 0.0) -> Measured:
    return Measured("minmax", name, (), error, changed, ratio)


def test_four_forms_of_a_chain() -> None:
    """Nothing spared, the first, the last, both."""
    assert [sparing.nodes(CHAIN) for sparing in ladder(CHAIN)] == [
        ("a", "b", "c", "pool"),
        ("b", "c", "pool"),
        ("a", "b", "pool"),
        ("b", "pool"),
    ]


def test_layers_that_are_always_spared_are_in_every_form() -> None:
    """And a form that they make equal to another is tried once."""
    forms = ladder(CHAIN, always=(A,))
    assert [sparing.spared for sparing in forms] == [(A,), (C, A)]


def test_form_without_a_layer_left_is_no_form() -> None:
    """A network of one layer is quantised whole or not at all."""
    single = Layers(all=(A,), first=(A,), last=(A,), carriers=())
    assert [sparing.name for sparing in ladder(single)] == ["nothing"]
    assert ladder(CHAIN, always=(A, B, C)) == ()


def test_error_comes_before_time() -> None:
    """A form that errs more often is not taken for being fast."""
    fast, good = _form("fast", error=0.07, ratio=0.2), _form("good", error=0.05, ratio=0.5)
    assert best_of([fast, good]) is good


def test_errors_within_two_pictures_of_a_thousand_leave_the_choice_to_time() -> None:
    """Such a difference is noise, and a larger one is not."""
    good = _form("good", error=0.05, ratio=0.5)
    fast, faster = _form("fast", error=0.0515, ratio=0.2), _form("faster", error=0.053, ratio=0.1)
    assert best_of([good, faster, fast]) is fast


def test_equal_errors_and_times_leave_the_choice_to_agreement() -> None:
    """Of forms that cannot be told apart, the one that changes fewer answers."""
    restless = _form("restless", error=0.05, ratio=0.50, changed=0.02)
    steady = _form("steady", error=0.05, ratio=0.52, changed=0.01)
    assert best_of([restless, steady]) is steady
