"""`tests.benchmarks.serving.limit_program`: the forms of the limit, and that callers classify all the time."""

from __future__ import annotations

import threading

import pytest

from tests.benchmarks.serving.limit_program import Form, forms, measured


@pytest.mark.parametrize("cores", [1, 2, 3, 16])
def test_forms_hold_one_caller_and_two_to_four(cores: int) -> None:
    """One caller is tried on one thread and on all, spinning and not; no form comes twice."""
    found = forms(cores)
    assert len(set(found)) == len(found)
    assert Form(1, 1, spinning=False) in found
    assert {1, 2, 3, 4} <= {form.callers for form in found}
    if cores > 1:
        assert {Form(1, cores, spinning=False), Form(1, cores, spinning=True)} <= set(found)
    assert all(form.intra <= cores for form in found)
    assert not any(form.spinning and form.callers > 1 for form in found)


def test_names_of_forms_differ() -> None:
    """Figures are kept by name."""
    found = forms(16)
    assert len({form.name for form in found}) == len(found)


def test_callers_take_pictures_in_turn_on_threads_of_their_own() -> None:
    """Two callers are two threads, and every picture comes up."""
    seen: set[tuple[int, bytes]] = set()
    times_s = measured(
        lambda data: seen.add((threading.get_ident(), data)), [b"a", b"b", b"c"], callers=2, seconds=0.01
    )
    assert len({thread for thread, _ in seen}) == 2
    assert {data for _, data in seen} == {b"a", b"b", b"c"}
    assert times_s


def test_slow_work_is_measured_once_at_least() -> None:
    """A run that takes longer than the measurement still gives a time."""
    assert len(measured(lambda _: None, [b"a"], callers=1, seconds=0.0)) == 1
