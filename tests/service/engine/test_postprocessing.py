"""Network outputs become probabilities that sum to 1, and the k most probable classes in a fixed order."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from service.engine.postprocessing import to_probabilities, top_k
from service.errors import InferenceError

LARGEST = float(np.finfo(np.float32).max)


def test_softmax_of_small_logits_is_what_the_formula_says() -> None:
    """exp(x) over the sum of exp(x), worked out with the standard library in double precision."""
    logits = [1.0, 2.0, -3.0, 0.5]
    total = sum(math.exp(value) for value in logits)
    probabilities = to_probabilities(np.array([logits], dtype=np.float32), holds="logits")
    np.testing.assert_allclose(probabilities[0], [math.exp(value) / total for value in logits], rtol=1e-6)


@pytest.mark.parametrize(
    ("logits", "expected"),
    [
        ([1000.0, 1000.0], [0.5, 0.5]),
        ([-1000.0, -1000.0], [0.5, 0.5]),
        ([1000.0, 0.0], [1.0, 0.0]),
        ([LARGEST, -LARGEST], [1.0, 0.0]),
    ],
)
def test_softmax_of_huge_logits_neither_overflows_nor_warns(logits: list[float], expected: list[float]) -> None:
    """Only differences matter, however large the numbers are."""
    probabilities = to_probabilities(np.array([logits], dtype=np.float32), holds="logits")
    np.testing.assert_array_equal(probabilities, [expected])


@settings(max_examples=100, deadline=None)
@given(
    arrays(
        np.float32,
        array_shapes(min_dims=2, max_dims=2, max_side=20),
        elements=st.floats(-LARGEST, LARGEST, width=32),
    )
)
def test_softmax_of_any_finite_logits_sums_to_one_and_keeps_their_order(logits_NK: NDArray[np.float32]) -> None:
    """Each row is a distribution, and a larger logit never has a smaller probability."""
    probabilities_NK = to_probabilities(logits_NK, holds="logits")
    assert probabilities_NK.dtype == np.float32
    np.testing.assert_allclose(probabilities_NK.sum(axis=1), 1, rtol=0, atol=1e-5)
    assert (probabilities_NK >= 0).all()
    by_logit = np.take_along_axis(probabilities_NK, np.argsort(logits_NK, axis=1), axis=1)
    assert (np.diff(by_logit, axis=1) >= 0).all()


def test_each_picture_of_a_batch_is_its_own_distribution() -> None:
    """Rows do not see each other."""
    logits = np.array([[0.0, 1.0], [500.0, -500.0]], dtype=np.float32)
    both = to_probabilities(logits, holds="logits")
    alone = [to_probabilities(row[np.newaxis], holds="logits")[0] for row in logits]
    np.testing.assert_array_equal(both, alone)


def test_probabilities_are_brought_to_a_sum_of_exactly_one() -> None:
    """An int8 graph whose softmax sums to 1.25 answers with a fifth less each."""
    probabilities = to_probabilities(np.array([[0.5, 0.5, 0.25]], dtype=np.float32), holds="probabilities")
    np.testing.assert_allclose(probabilities, [[0.4, 0.4, 0.2]], rtol=1e-6)


def test_one_sigmoid_tells_two_classes_apart() -> None:
    """The value belongs to the second class, the rest to the first."""
    probabilities = to_probabilities(np.array([[0.25], [1.0], [0.0]], dtype=np.float32), holds="sigmoid")
    np.testing.assert_array_equal(probabilities, [[0.75, 0.25], [0.0, 1.0], [1.0, 0.0]])


def test_one_logit_tells_two_classes_apart_by_its_sigmoid() -> None:
    """1 / (1 + exp(-x)) is the second class's probability, however far x lies from 0."""
    logits = np.array([[0.0], [2.0], [-2.0], [1000.0], [-1000.0]], dtype=np.float32)
    second = [0.5, 1 / (1 + math.exp(-2)), 1 / (1 + math.exp(2)), 1.0, 0.0]
    expected = [[1 - share, share] for share in second]
    np.testing.assert_allclose(to_probabilities(logits, holds="logit"), expected, atol=1e-7)


@pytest.mark.parametrize("values", [[0.0, 0.0], [0.5, -0.25], [-3.0, 4.0]])
def test_values_that_can_be_no_probabilities_are_an_error_of_the_network(values: list[float]) -> None:
    """A manifest that calls logits probabilities, or a network that answers nothing, gets no answer with NaN in it."""
    with pytest.raises(InferenceError, match="probabilities"):
        to_probabilities(np.array([values], dtype=np.float32), holds="probabilities")


@pytest.mark.parametrize("value", [-0.1, 1.1, 37.0])
def test_a_sigmoid_outside_zero_to_one_is_an_error_of_the_network(value: float) -> None:
    """A manifest that calls a logit a sigmoid gets no answer with a negative probability in it."""
    with pytest.raises(InferenceError, match="sigmoid"):
        to_probabilities(np.array([[value]], dtype=np.float32), holds="sigmoid")


def test_what_rounding_leaves_outside_zero_to_one_is_cut_off() -> None:
    """A quantised output may miss the ends of its range by a step; that is no error."""
    sigmoid = to_probabilities(np.array([[-0.004], [1.004]], dtype=np.float32), holds="sigmoid")
    np.testing.assert_array_equal(sigmoid, [[1.0, 0.0], [0.0, 1.0]])
    probabilities = to_probabilities(np.array([[-0.004, 1.0]], dtype=np.float32), holds="probabilities")
    np.testing.assert_array_equal(probabilities, [[0.0, 1.0]])


def test_top_k_lists_the_most_probable_classes_first() -> None:
    """Indices with their probabilities as plain numbers, as many as asked for."""
    probabilities = np.array([0.125, 0.5, 0.0, 0.375], dtype=np.float32)
    assert top_k(probabilities, k=3) == [(1, 0.5), (3, 0.375), (0, 0.125)]


def test_equally_probable_classes_come_in_the_order_of_their_index() -> None:
    """The same picture gives the same list on every machine."""
    probabilities = np.full(100, 0.01, dtype=np.float32)
    assert [index for index, _ in top_k(probabilities, k=100)] == list(range(100))


@settings(max_examples=100, deadline=None)
@given(values=st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.7, 1.0]), min_size=1, max_size=30), k=st.integers(1, 40))
def test_top_k_is_the_front_of_the_full_order(values: list[float], k: int) -> None:
    """By probability, then by index, cut off at k; Python's own sort agrees."""
    probabilities = np.array(values, dtype=np.float32)
    order = sorted(range(len(values)), key=lambda index: (-probabilities[index], index))
    assert top_k(probabilities, k=k) == [(index, float(probabilities[index])) for index in order[:k]]
