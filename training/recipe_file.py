"""Recipes as TOML files: finding them by name, reading them strictly, changing single values.

A typo in a recipe must not train for an hour with a default in its place, so an unknown key is an error that names the
closest key there is. What a recipe may say stands in `recipe.py`. The table `[search]` says which values to try instead
of the recipe's own: `training.search` reads it, and a single run leaves it aside.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import tomllib
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from training.errors import RecipeError, did_you_mean
from training.recipe import RECIPE_ADAPTER, Recipe

RECIPES_DIR = Path(__file__).parent / "recipes"
SEARCH = "search"


def recipe_names(folder: Path = RECIPES_DIR) -> list[str]:
    """List the recipes that come with the project."""
    return sorted(path.stem for path in folder.glob("*.toml"))


def find_recipe(name: str, *, folder: Path = RECIPES_DIR) -> Path:
    """Find a recipe by name, or by path where it ends in `.toml`.

    Raises:
        RecipeError: There is none; the text names the closest.

    """
    path = Path(name) if name.endswith(".toml") else folder / f"{name}.toml"
    if path.is_file():
        return path
    if name.endswith(".toml"):
        raise RecipeError(f"There is no recipe file {name!r}.")
    raise RecipeError(f"There is no recipe {name!r}; {did_you_mean(name, recipe_names(folder))}")


def read_recipe(path: Path, *, changes: Sequence[str] = ()) -> Recipe:
    """Read a recipe and change single values of it.

    Args:
        path: The TOML file.
        changes: Like `optimizer.learning_rate=0.1`, applied in order; the value is written as in TOML.

    Raises:
        RecipeError: The file or a change is no TOML, or says what no recipe can say.

    """
    tables = read_tables(path, changes=changes)
    tables.pop(SEARCH, None)
    return parse_recipe(tables, source=str(path))


def read_tables(path: Path, *, changes: Sequence[str] = ()) -> dict[str, Any]:
    """Read a recipe file as it is written, with single values changed; only its form as TOML is checked.

    Args:
        path: The TOML file.
        changes: As `read_recipe` takes them.

    Raises:
        RecipeError: The file or a change is no TOML.

    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"{path}: {error}") from error
    for change in changes:
        tables = _changed(tables, change)
    return tables


def with_values(tables: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Give the tables of a recipe with values replaced or added.

    Args:
        tables: Left as they are.
        values: By dotted key, like `optimizer.learning_rate`.

    Raises:
        RecipeError: A key leads through a value.

    """
    changed = copy.deepcopy(dict(tables))
    for key, value in values.items():
        *path, last = key.split(".")
        table = changed
        for part in path:
            table = table.setdefault(part, {})
            if not isinstance(table, dict):
                raise RecipeError(f"{key!r} leads through {part!r}, which is a value.")
        table[last] = value
    return changed


def toml_value(text: str) -> object:
    """Read a value as TOML does; bare words count as text so that a shell needs no quotes in quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def parse_recipe(tables: Mapping[str, Any], *, source: str) -> Recipe:
    """Turn the tables of a recipe into its types; `source` begins the text of the error.

    Raises:
        RecipeError: A key is unknown or missing, or a value is out of its range.

    """
    try:
        return RECIPE_ADAPTER.validate_json(json.dumps(tables, default=str))
    except ValidationError as error:
        problems = [_explain(problem["loc"], problem["type"], problem["msg"]) for problem in error.errors()]
        raise RecipeError(f"{source}: {'; '.join(problems)}") from error


def recipe_tables(recipe: Recipe, *, defaults: bool = True) -> dict[str, Any]:
    """Give a recipe as plain tables; `parse_recipe` reads them back to an equal recipe.

    Args:
        recipe: Any.
        defaults: Write values that are the defaults of their keys too.

    """
    tables: dict[str, Any] = RECIPE_ADAPTER.dump_python(recipe, mode="json", exclude_defaults=not defaults)
    return tables


def recipe_digest(recipe: Recipe) -> str:
    """Name a recipe by what it says, in 12 hex digits: comments, order and written-out defaults do not matter.

    Defaults are left out, so that a key more in `recipe.py` renames no recipe that does not use it; so a default may
    never come to mean something else. The publication's words do not change the weights and are left out too.
    """
    tables = recipe_tables(recipe, defaults=False) | {"publication": None}
    return hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()[:12]


def _changed(tables: dict[str, Any], change: str) -> dict[str, Any]:
    key, separator, value = (part.strip() for part in change.partition("="))
    if not separator or not key.split(".")[-1]:
        raise RecipeError(f"A change is written like training.epochs=10, not {change!r}.")
    if key.split(".")[0] == SEARCH:
        raise RecipeError(f"{key!r} in {change!r} changes no run; what a search tries is given with --space.")
    return with_values(tables, {key: toml_value(value)})


def _explain(location: tuple[int | str, ...], kind: str, message: str) -> str:
    where = ".".join(map(str, location))
    if kind == "unexpected_keyword_argument":
        *path, key = map(str, location)
        place = f"[{'.'.join(path)}]" if path else "the recipe"
        return f"unknown key {key!r} in {place}; {did_you_mean(key, _keys(path))}"
    if kind in {"missing", "missing_argument"}:
        return f"{where} is missing"
    return f"{where}: {message[0].lower()}{message[1:]}"


def _keys(path: Sequence[str]) -> list[str]:
    """List the keys of the table at a path, from the types themselves."""
    kind: Any = Recipe
    for part in path:
        hint = typing.get_type_hints(kind)[part]
        kind = next((option for option in typing.get_args(hint) if dataclasses.is_dataclass(option)), hint)
    return [entry.name for entry in dataclasses.fields(kind)]
