"""Groups of recipes that are compared with each other: a folder below `recipes/`, and what its `group.toml` says.

A recipe of a group is named by both, like `progress/lenet5`. `group.toml` says in which order and over how many seeds
the recipes run, what people call the networks, and which of them has been claimed to be better than which. It is as
strict as a recipe. This file knows neither runs nor figures.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from training.errors import RecipeError, did_you_mean
from training.recipe import Name, Positive
from training.recipe_file import RECIPES_DIR
from training.results.over_seeds import RESULTS_DIR, Results, read_results

GROUP_FILE = "group.toml"
_STRICT = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Member:
    """One recipe of a group.

    Args:
        recipe: Its file without `.toml`.
        title: What people call the network.
        seeds: Runs, with seeds from 1 on, unless the command line says otherwise.

    """

    recipe: Name
    title: Name
    seeds: Positive


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class Claim:
    """A statement about the order that the runs confirm or do not.

    Args:
        better: The recipe that is said to err less often.
        worse: Than this one.

    """

    better: Name
    worse: Name


@dataclass(frozen=True, slots=True, kw_only=True, config=_STRICT)
class _Contents:
    members: tuple[Member, ...]
    claims: tuple[Claim, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Recipes in their order.

    Args:
        folder: Where they lie; its name is the group's.
        members: At least one.
        claims: About the members.

    """

    folder: Path
    members: tuple[Member, ...]
    claims: tuple[Claim, ...]

    @property
    def name(self) -> str:
        """Of the group."""
        return self.folder.name

    def path_of(self, member: Member) -> Path:
        """Tell the file of a recipe."""
        return self.folder / f"{member.recipe}.toml"

    def name_of(self, recipe: str) -> str:
        """Tell the full name of a member's recipe, under which its runs and figures lie."""
        return f"{self.name}/{recipe}"

    def title_of(self, recipe: str) -> str:
        """Tell what people call the network of a recipe."""
        return next(member.title for member in self.members if member.recipe == recipe)


_ADAPTER: TypeAdapter[_Contents] = TypeAdapter(_Contents)


def group_names(folder: Path = RECIPES_DIR) -> list[str]:
    """List the groups that come with the project."""
    return sorted(path.parent.name for path in folder.glob(f"*/{GROUP_FILE}"))


def find_group(name: str, *, folder: Path = RECIPES_DIR) -> Group | None:
    """Read a group by its name, or by its folder; None where there is none of that name.

    Raises:
        RecipeError: Its file says something that no group can say.

    """
    for home in (folder / name, Path(name)):
        if (home / GROUP_FILE).is_file():
            return read_group(home.resolve())
    return None


def require_group(name: str, *, folder: Path = RECIPES_DIR) -> Group:
    """Read a group by its name, or by its folder.

    Raises:
        RecipeError: There is none, or its file says something that no group can say.

    """
    group = find_group(name, folder=folder)
    if group is None:
        raise RecipeError(f"There is no group of recipes {name!r}; {did_you_mean(name, group_names(folder))}")
    return group


def read_group(folder: Path) -> Group:
    """Read what a folder of recipes says about them.

    Raises:
        RecipeError: The file is no TOML, has an unknown key, or names a recipe that is not there.

    """
    path = folder / GROUP_FILE
    try:
        contents = _ADAPTER.validate_json(json.dumps(tomllib.loads(path.read_text(encoding="utf-8"))))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"{path}: {error}") from error
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, each['loc']))}: {each['msg'].lower()}" for each in error.errors())
        raise RecipeError(f"{path}: {'; '.join(problems)}") from error
    group = Group(folder, contents.members, contents.claims)
    _require_recipes(group, source=path)
    return group


def group_of(path: Path) -> Group | None:
    """Read the group that a recipe's file lies in; None where it stands alone.

    Raises:
        RecipeError: The group's file says something that no group can say.

    """
    folder = path.parent.resolve()
    return read_group(folder) if (folder / GROUP_FILE).is_file() else None


def recipe_name(path: Path) -> str:
    """Tell the name of a recipe's file: with its group's where it has one, so that `a/lenet5` is not `b/lenet5`."""
    folder = path.parent.resolve()
    return f"{folder.name}/{path.stem}" if (folder / GROUP_FILE).is_file() else path.stem


def group_results(group: Group, *, folder: Path = RESULTS_DIR) -> dict[str, Results]:
    """Read the published figures of the members of a group that are measured, by recipe and in its order."""
    found = {member.recipe: read_results(group.name_of(member.recipe), folder=folder) for member in group.members}
    return {recipe: results for recipe, results in found.items() if results is not None}


def _require_recipes(group: Group, *, source: Path) -> None:
    if not group.members:
        raise RecipeError(f"{source}: a group needs at least one of [[members]].")
    names = [member.recipe for member in group.members]
    for member in group.members:
        if not group.path_of(member).is_file():
            raise RecipeError(f"{source}: there is no recipe {member.recipe}.toml beside it.")
        if names.count(member.recipe) > 1:
            raise RecipeError(f"{source}: {member.recipe!r} stands there twice.")
    for recipe in (name for claim in group.claims for name in (claim.better, claim.worse)):
        if recipe not in names:
            raise RecipeError(f"{source}: a claim names {recipe!r}; {did_you_mean(recipe, names)}")
