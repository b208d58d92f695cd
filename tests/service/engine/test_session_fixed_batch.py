"""Networks that insist on a number of pictures get it: batches are split and padded, and nobody notices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from service.engine.session import Session
from tests.networks import network, node


def load(model: bytes, *, batch: int | None = None) -> Session:
    """Load a network with the tensor names of these tests."""
    return Session.load(model, input_name="input", output_name="output", batch=batch)


def doubling(batch: int | str) -> bytes:
    """Make a network whose output is twice its input, for so many rows."""
    return network(
        [node("Add", ["input", "input"], ["output"])], inputs={"input": (batch, 3)}, outputs={"output": (batch, 3)}
    )


def rows(n: int) -> NDArray[np.float32]:
    """Make rows of which no two are equal."""
    return np.arange(3 * n, dtype=np.float32).reshape(n, 3)


@pytest.mark.parametrize("size", [1, 2, 3, 8])
@pytest.mark.parametrize("n", [1, 2, 5, 8, 9])
def test_any_number_of_rows_gets_its_own_answers(size: int, n: int) -> None:
    """Split where there are more, padded where there are fewer; the padding is thrown away."""
    session = load(doubling(size))
    assert session.fixed_batch == size
    np.testing.assert_array_equal(session.run(rows(n)), 2 * rows(n))


def test_the_padding_is_zeros() -> None:
    """A network that adds its whole batch up shows what it was given."""
    summing = network(
        [node("ReduceSum", ["input"], ["sum"], keepdims=0), node("Add", ["input", "sum"], ["output"])],
        inputs={"input": (4, 3)},
        outputs={"output": (4, 3)},
    )
    np.testing.assert_array_equal(load(summing).run(rows(1)), [[3, 4, 5]])


def test_a_size_can_be_told_where_the_network_does_not_say_one() -> None:
    """A manifest knows that answers depend on company; what the network declares itself comes first."""
    summing = network([node("ReduceMax", ["input", "axes"], ["most"], keepdims=1), node("Add", ["input", "most"],
                      ["output"])], weights={"axes": np.array([0], dtype=np.int64)})  # fmt: skip
    batch = rows(3)
    assert load(summing).run(batch)[0, 0] == 6
    np.testing.assert_array_equal(load(summing, batch=1).run(batch), 2 * batch)
    assert load(doubling(4), batch=1).fixed_batch == 4


def test_a_batch_of_bytes_is_padded_with_bytes() -> None:
    """The type of the rows is kept."""
    uint8: Any = 2
    model = network(
        [node("Identity", ["input"], ["output"])],
        inputs={"input": (4, 3)},
        outputs={"output": (4, 3)},
        input_type=uint8,
        output_type=uint8,
    )
    batch = np.array([[1, 2, 255]], dtype=np.uint8)
    np.testing.assert_array_equal(load(model).run(batch), batch)
