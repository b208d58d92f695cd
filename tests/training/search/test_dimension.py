"""`training.search.dimension`: ranges and choices are read strictly, and grids count what they say."""

from __future__ import annotations

from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from training.search.dimension import Choices, Range, read_dimension
from training.search.errors import SearchError


@pytest.mark.parametrize(
    ("written", "distribution"),
    [
        ({"low": 0.01, "high": 1.0, "log": True}, FloatDistribution(0.01, 1.0, log=True)),
        ({"low": 0, "high": 1.0}, FloatDistribution(0, 1.0)),
        ({"low": 0.0, "high": 0.5, "step": 0.1}, FloatDistribution(0.0, 0.5, step=0.1)),
        ({"low": 1, "high": 4}, IntDistribution(1, 4)),
        ({"low": 3, "high": 7, "step": 2}, IntDistribution(3, 7, step=2)),
        ({"low": 8, "high": 512, "log": True}, IntDistribution(8, 512, log=True)),
        ({"choices": [16, 32]}, CategoricalDistribution([16, 32])),
        ({"choices": ["max", True, 0.5]}, CategoricalDistribution(["max", True, 0.5])),
        ({"choices": [[100], [200, 50]]}, CategoricalDistribution(["[100]", "[200, 50]"])),
    ],
)
def test_written_values_become_the_distribution_that_they_describe(written: dict[str, Any], distribution: Any) -> None:
    """Whole numbers where both ends are whole; lists become their text, which Optuna can keep."""
    assert read_dimension(written, key="k").distribution() == distribution


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (3, r"search\.k must be a table like .*, not 3"),
        ({}, "must be a table"),
        ({"low": 1, "hihg": 2}, "unknown word 'hihg'; did you mean 'high'"),
        ({"low": 1}, "high is missing"),
        ({"high": 1, "log": True}, "low is missing"),
        ({"low": 2, "high": 1}, "low 2 is above high 1"),
        ({"low": 0, "high": 1, "log": True}, "log needs a low above 0, not 0"),
        ({"low": -0.1, "high": 1.0, "log": True}, r"log needs a low above 0, not -0\.1"),
        ({"low": "a", "high": 1}, "low cannot be 'a'"),
        ({"low": True, "high": 3}, "low cannot be True"),
        ({"low": 0.0, "high": float("inf")}, "high cannot be inf"),
        ({"low": 1, "high": 2, "log": 1}, "log cannot be 1"),
        ({"low": 1, "high": 2, "steps": 2.5}, r"steps cannot be 2\.5"),
        ({"low": 1, "high": 2, "steps": 0}, "steps must be at least 1, not 0"),
        ({"low": 1, "high": 2, "step": 0}, "step must be above 0, not 0"),
        ({"low": 1, "high": 4, "step": 2}, "steps of 2 from 1 never reach high 4"),
        ({"low": 1, "high": 5, "step": 2, "steps": 3}, "give one of the two"),
        ({"low": 1, "high": 5, "step": 2, "log": True}, "log and step exclude each other"),
        ({"choices": []}, "choices must be a list with at least one value"),
        ({"choices": 3}, "choices must be a list"),
        ({"choices": [1], "low": 1}, "stand alone"),
        ({"choices": [[1], 2, [1]]}, r"the choice \[1\] stands there twice"),
    ],
)
def test_what_no_value_fulfils_is_refused_with_the_reason(written: object, message: str) -> None:
    """Nothing is trained before the whole space makes sense."""
    with pytest.raises(SearchError, match=message):
        read_dimension(written, key="k")


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ({"low": 0.0, "high": 1.0, "steps": 3}, [0.0, 0.5, 1.0]),
        ({"low": 0.01, "high": 1.0, "log": True, "steps": 3}, [0.01, 0.1, 1.0]),
        ({"low": 1, "high": 4, "steps": 9}, [1, 2, 3, 4]),
        ({"low": 8, "high": 128, "log": True, "steps": 5}, [8, 16, 32, 64, 128]),
        ({"low": 3, "high": 7, "step": 2}, [3, 5, 7]),
        ({"low": 0.0, "high": 0.3, "step": 0.1}, [0.0, 0.1, 0.2, 0.3]),
        ({"low": 5, "high": 9, "steps": 1}, [5]),
        ({"choices": ["a", [1, 2]]}, ["a", "[1, 2]"]),
        ({"low": 0.0, "high": 1.0}, None),
        ({"low": 1, "high": 4}, None),
    ],
)
def test_grid_takes_the_values_that_steps_step_and_choices_name(written: dict[str, Any], values: Any) -> None:
    """By hand; both ends are among them, and none is where their number was not said."""
    grid = read_dimension(written, key="k").grid()
    assert grid == (values if values is None else pytest.approx(values) if "low" in written else values)


def test_steps_of_decimals_are_written_without_rounding_errors() -> None:
    """0.1 + 0.1 + 0.1 is no 0.30000000000000004 in a recipe, whoever chose it."""
    dimension = Range(low=0.0, high=0.3, whole=False, step=0.1)
    assert [dimension.value_of(value) for value in (0.1 + 0.1 + 0.1, 0.2)] == [0.3, 0.2]
    assert str(dimension.grid()) == "[0.0, 0.1, 0.2, 0.3]"


def test_list_among_choices_comes_back_as_a_list() -> None:
    """Optuna keeps its text; the recipe needs the list. True is not taken for 1."""
    choices = Choices(([100], [200, 50], 1, True))
    assert [choices.value_of(value) for value in ("[200, 50]", "[100]", True)] == [[200, 50], [100], True]
    assert choices.value_of(1) is choices.values[2]
