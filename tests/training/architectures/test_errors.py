"""Refusals name the value and what would do."""

from __future__ import annotations

import pytest

from training.architectures.errors import ArchitectureOptionError, UnknownArchitectureError, chosen


def test_chosen_gives_what_a_value_stands_for() -> None:
    """Whatever that is."""
    assert chosen("pool", "max", among={"max": 1, "average": 2}) == 1


def test_chosen_refuses_other_values_and_lists_the_known() -> None:
    """Option, values and what was asked for."""
    with pytest.raises(ArchitectureOptionError, match=r"^pool may be max, average, not 'mean'\.$"):
        chosen("pool", "mean", among={"max": 1, "average": 2})


def test_unknown_name_carries_its_closest_names() -> None:
    """For programs that want to offer them."""
    error = UnknownArchitectureError("alexnett", known=("alexnet", "zfnet", "vgg16"))
    assert error.name == "alexnett"
    assert error.close[0] == "alexnet"
