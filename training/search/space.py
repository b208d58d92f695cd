"""Which keys of a recipe are searched, and between which values: the recipe's `[search]` table and `--space`.

    [search]
    optimizer.learning_rate = { low = 0.01, high = 1.0, log = true }
    network.options.hidden = { choices = [[50], [100], [100, 50]] }

Everything is checked against the recipe before the first trial: a key that no recipe has, an option that the network
lacks, a value out of range. What `{ ... }` may hold stands in `dimension.py`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution

from training import architectures
from training.errors import RecipeError, did_you_mean
from training.recipe import Recipe
from training.recipe_file import SEARCH, parse_recipe, recipe_tables, toml_value, with_values
from training.search.dimension import WORDS, Choices, Dimension, read_dimension
from training.search.errors import SearchError

_FIXED = {
    "data": "trials must see the same pictures to be compared",
    "publication": "it changes no network",
    "training.precision": "the device is set up once for all trials",
}
_OPTIONS = "network.options."


@dataclass(frozen=True, slots=True)
class Space:
    """What is searched.

    Args:
        dimensions: By dotted key of the recipe, in the order in which they were written.

    """

    dimensions: dict[str, Dimension]

    def distributions(self) -> dict[str, BaseDistribution]:
        """Say the same to Optuna."""
        return {key: dimension.distribution() for key, dimension in self.dimensions.items()}

    def values(self, parameters: Mapping[str, Any]) -> dict[str, object]:
        """Give the recipe's values for Optuna's parameters."""
        return {key: dimension.value_of(parameters[key]) for key, dimension in self.dimensions.items()}

    def grid(self) -> list[list[Any]]:
        """List the values of each key that a grid combines.

        Raises:
            SearchError: A key has values without number.

        """
        lines = {key: dimension.grid() for key, dimension in self.dimensions.items()}
        endless = [key for key, line in lines.items() if line is None]
        if endless:
            raise SearchError(
                f"A grid needs to know how many values to take of {', '.join(endless)}: add steps, for example "
                f"{{ low = ..., high = ..., steps = 5 }}, or list choices."
            )
        return [line for line in lines.values() if line is not None]

    def grid_size(self) -> int:
        """Count the points of the grid."""
        return math.prod(len(line) for line in self.grid())

    def tables(self) -> dict[str, Any]:
        """Give the space as plain tables, by which two can be compared."""
        return {key: dataclasses.asdict(dimension) for key, dimension in self.dimensions.items()}


def read_space(tables: Mapping[str, Any], *, additions: Sequence[str] = ()) -> Space:
    """Read the space of a recipe.

    Args:
        tables: Of the recipe file, `[search]` included.
        additions: Like `optimizer.learning_rate={low=0.01, high=1.0}`; each replaces what the table says about its key.

    Raises:
        SearchError: There is none, or it does not fit the recipe.
        RecipeError: The recipe itself cannot be followed.

    """
    plain = {name: table for name, table in tables.items() if name != SEARCH}
    parse_recipe(plain, source="recipe")
    written = dict(_flat(tables.get(SEARCH, {}), prefix=""))
    for addition in additions:
        key, separator, value = (part.strip() for part in addition.partition("="))
        if not separator or not key:
            raise SearchError(
                f"--space is written like optimizer.learning_rate={{low=0.01, high=1.0}}, not {addition!r}."
            )
        written[key] = toml_value(value)
    if not written:
        raise SearchError(
            "There is nothing to search: the recipe has no [search] table, and no --space was given. Add for example "
            "--space 'optimizer.learning_rate={low=0.01, high=1.0, log=true}'."
        )
    read = {key: read_dimension(value, key=key) for key, value in written.items()}
    names = _architectures(read, recipe=parse_recipe(plain, source="recipe"))
    return Space({key: _fitted(dimension, key=key, tables=plain, names=names) for key, dimension in read.items()})


def _flat(table: object, *, prefix: str) -> list[tuple[str, object]]:
    """List what stands at the ends of nested tables, which is what TOML makes of dotted keys."""
    if not isinstance(table, Mapping) or (prefix and (not table or not table.keys().isdisjoint(WORDS))):
        return [(prefix.removesuffix("."), table)]
    return [end for key, value in table.items() for end in _flat(value, prefix=f"{prefix}{key}.")]


def _architectures(read: Mapping[str, Dimension], *, recipe: Recipe) -> list[str]:
    """List the networks that may be tried, all of which there must be."""
    dimension = read.get("network.architecture")
    names = [str(value) for value in dimension.values] if isinstance(dimension, Choices) else []
    try:
        return [architectures.facts(name).name for name in names or [recipe.network.architecture]]
    except ValueError as error:
        raise SearchError(f"network.architecture: {error}") from error


def _fitted(dimension: Dimension, *, key: str, tables: Mapping[str, Any], names: Sequence[str]) -> Dimension:
    """Check a dimension against the recipe; a range of a number that may have a fraction gets one."""
    for fixed in (key, key.split(".", maxsplit=1)[0]):
        if fixed in _FIXED:
            raise SearchError(f"search.{key}: {fixed} cannot be searched; {_FIXED[fixed]}.")
    ends = dimension.values if isinstance(dimension, Choices) else (dimension.low, dimension.high)
    for value in ends:
        try:
            recipe = parse_recipe(with_values(tables, {key: value}), source=f"search.{key}")
        except RecipeError as error:
            raise SearchError(str(error)) from error
    default = _default(recipe, key=key, names=names)
    if isinstance(dimension, Choices) or isinstance(default, bool):
        return dimension
    if isinstance(default, int) and not dimension.whole:
        raise SearchError(f"search.{key} takes whole numbers; write low and high without a fraction.")
    return dataclasses.replace(dimension, whole=dimension.whole and not isinstance(default, float))


def _default(recipe: Recipe, *, key: str, names: Sequence[str]) -> object:
    """Find a value that the key can have, for its type."""
    if not key.startswith(_OPTIONS):
        value: Any = recipe_tables(recipe)
        for part in key.split("."):
            value = value[part]
        return value
    option = key.removeprefix(_OPTIONS)
    for name in names:
        known = architectures.options_of(name)
        if option not in known:
            raise SearchError(f"search.{key}: {name} has no option {option!r}; {did_you_mean(option, known)}")
    return architectures.options_of(names[0])[option]
