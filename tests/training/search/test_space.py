"""`training.search.space`: a space is checked against the recipe before anything is trained."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from tests.training.data_sets import recipe_tables
from training.recipe_file import find_recipe, read_tables
from training.search.dimension import Choices, Range
from training.search.errors import SearchError
from training.search.space import Space, read_space


def _space(written: str, *additions: str, **changes: dict[str, object]) -> Space:
    return read_space({**recipe_tables(**changes), **tomllib.loads(written)}, additions=additions)


@pytest.mark.parametrize(
    "written",
    [
        "[search]\noptimizer.learning_rate = { low = 0.01, high = 1.0, log = true }",
        '[search]\n"optimizer.learning_rate" = { low = 0.01, high = 1.0, log = true }',
        "[search.optimizer]\nlearning_rate = { low = 0.01, high = 1.0, log = true }",
        "[search.optimizer.learning_rate]\nlow = 0.01\nhigh = 1.0\nlog = true",
    ],
)
def test_keys_may_be_written_in_every_way_of_toml(written: str) -> None:
    """Dotted, quoted or as tables: the same space."""
    expected = Range(low=0.01, high=1.0, whole=False, log=True)
    assert _space(written).dimensions == {"optimizer.learning_rate": expected}


def test_command_line_adds_keys_and_replaces_those_of_the_recipe() -> None:
    """A recipe's space can be widened for one search without editing the file."""
    space = _space(
        "[search]\ntraining.epochs = { low = 1, high = 2 }\noptimizer.momentum = { low = 0.5, high = 0.9 }",
        "training.epochs = {low=3, high=4}",
        "network.options.filters={choices=[[2, 3, 4], [6, 16, 120]]}",
    )
    assert list(space.dimensions) == ["training.epochs", "optimizer.momentum", "network.options.filters"]
    assert space.dimensions["training.epochs"] == Range(low=3, high=4, whole=True)
    assert space.dimensions["network.options.filters"] == Choices(([2, 3, 4], [6, 16, 120]))


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("optimizer.lerning_rate = { low = 0.1, high = 1.0 }", r"unknown key 'lerning_rate'.*mean 'learning_rate'"),
        ("optimiser.momentum = { low = 0.1, high = 0.2 }", "unknown key 'optimiser' in the recipe; did you mean 'opti"),
        ("network.options.hiden = { low = 1, high = 9 }", "lenet5 has no option 'hiden'; did you mean 'hidden'"),
        ("optimizer.momentum = { low = 0.1, high = 1.5 }", r"search\.optimizer\.momentum: .* should be less than 1"),
        ("training.epochs = { low = 0, high = 3 }", "training.epochs: input should be greater than or equal to 1"),
        ("training.epochs = { low = 1.5, high = 3.0 }", "training.epochs: input should be a valid integer"),
        ("network.options.hidden = { low = 1.5, high = 3.0 }", "takes whole numbers"),
        ('optimizer.name = { choices = ["sgd", "magic"] }', "optimizer.name: input should be 'sgd' or 'adamw'"),
        ('network.architecture = { choices = ["lenet5", "lenet6"] }', "no architecture 'lenet6'; did you mean lenet5"),
        ("data.validation_pictures = { low = 10, high = 20 }", "data cannot be searched; trials must see the same"),
        ("publication.title = { choices = ['a'] }", "publication cannot be searched; it changes no network"),
        ("training.precision = { choices = ['32-true'] }", "training.precision cannot be searched; the device"),
        ("training.epochs = 3", r"search\.training\.epochs must be a table"),
        ("training.epochs = {}", r"search\.training\.epochs must be a table"),
        ("optimizer.learning_rate.hihg = 1", r"search\.optimizer\.learning_rate\.hihg must be a table"),
    ],
)
def test_key_or_value_that_no_recipe_can_have_is_refused(written: str, message: str) -> None:
    """A typo never becomes a search for something else."""
    with pytest.raises(SearchError, match=message):
        _space(f"[search]\n{written}")


def test_option_that_only_some_of_the_networks_have_is_refused() -> None:
    """Each trial gets every value, so every network must take it."""
    written = '[search]\nnetwork.architecture = { choices = ["plain_cnn", "lenet5"] }\n'
    with pytest.raises(SearchError, match="lenet5 has no option 'layers'"):
        _space(f"{written}network.options.layers = {{ low = 1, high = 3 }}")
    assert len(_space(f"{written}network.options.hidden = {{ low = 8, high = 16 }}").dimensions) == 2


def test_whole_ends_of_a_number_with_fractions_leave_the_fractions() -> None:
    """Between 0 and 1 lies more than 0 and 1 where the key takes it, in the recipe or among the network's options."""
    written = (
        "[search]\noptimizer.weight_decay = { low = 0, high = 1 }\nnetwork.options.dropout = { low = 0, high = 0 }"
    )
    space = _space(written, network={"architecture": "plain_cnn"})
    assert {key: dimension.whole for key, dimension in space.dimensions.items() if isinstance(dimension, Range)} == {
        "optimizer.weight_decay": False,
        "network.options.dropout": False,
    }


def test_recipe_without_a_space_says_how_to_give_one() -> None:
    """The answer to `tune` without anything to tune is an example."""
    with pytest.raises(SearchError, match=r"nothing to search: .*--space 'optimizer\.learning_rate=\{low=0\.01"):
        _space("")
    with pytest.raises(SearchError, match="--space is written like"):
        _space("", "optimizer.learning_rate")


def test_values_for_the_recipe_are_those_of_the_parameters() -> None:
    """Text that stands for a list becomes the list."""
    space = _space(
        "[search]\nnetwork.options.filters = { choices = [[2, 3, 4]] }\ntraining.epochs = { low = 1, high = 2 }"
    )
    values = space.values({"network.options.filters": "[2, 3, 4]", "training.epochs": 2})
    assert values == {"network.options.filters": [2, 3, 4], "training.epochs": 2}


def test_grid_of_endless_values_says_what_to_add() -> None:
    """A range alone does not say how many."""
    space = _space("[search]\noptimizer.momentum = { low = 0.1, high = 0.2 }\ntraining.epochs = { choices = [1, 2] }")
    with pytest.raises(SearchError, match=r"how many values to take of optimizer\.momentum: add steps"):
        space.grid_size()


def test_shipped_space_fits_its_recipe_and_makes_a_grid() -> None:
    """What the project ships can be searched by every sampler."""
    tables: dict[str, Any] = read_tables(find_recipe("fashion-mlp"))
    space = read_space(tables)
    assert {"network.options.hidden", "optimizer.learning_rate", "optimizer.weight_decay"} == set(space.dimensions)
    assert space.grid_size() == 5 * 5 * 4
