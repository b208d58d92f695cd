"""`training.comparison.groups`: what a folder of recipes says about them is read as strictly as a recipe."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.training.data_sets import write_recipe
from tests.training.result_files import results as made
from training.comparison.groups import (
    Group,
    Member,
    find_group,
    group_names,
    group_of,
    group_results,
    read_group,
    recipe_name,
    require_group,
)
from training.errors import RecipeError
from training.recipe_file import RECIPES_DIR, read_recipe, recipe_digest
from training.results.over_seeds import all_results, write_results
from training.results.tables import with_heading

MEMBERS = """
[[members]]
recipe = "one"
title = "One"
seeds = 2

[[members]]
recipe = "two"
title = "Two"
seeds = 1
"""
CLAIM = '[[claims]]\nbetter = "two"\nworse = "one"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two recipes and a group of them."""
    home = tmp_path / "shapes"
    home.mkdir()
    for name in ("one", "two"):
        write_recipe(home / f"{name}.toml")
    (home / "group.toml").write_text(MEMBERS + CLAIM)
    return home


def test_group_keeps_the_order_seeds_and_claims_of_its_file(folder: Path) -> None:
    """Nothing is sorted: the order is that of the table."""
    group = read_group(folder)
    assert [(member.recipe, member.seeds) for member in group.members] == [("one", 2), ("two", 1)]
    assert [(claim.better, claim.worse) for claim in group.claims] == [("two", "one")]
    assert group.name_of("one") == "shapes/one"
    assert group.title_of("two") == "Two"
    assert group.path_of(group.members[0]) == folder / "one.toml"


def test_group_is_found_by_name_and_by_folder(folder: Path) -> None:
    """A recipe that stands alone is no group."""
    assert find_group("shapes", folder=folder.parent) == read_group(folder)
    assert find_group(str(folder)) == read_group(folder)
    assert find_group("one", folder=folder) is None
    with pytest.raises(RecipeError, match="no group of recipes 'shape'; did you mean 'shapes'"):
        require_group("shape", folder=folder.parent)


def test_recipe_of_a_group_is_named_by_both(folder: Path, tmp_path: Path) -> None:
    """Two groups may each have a lenet5; a recipe elsewhere keeps its own name, whatever its folder is called."""
    assert recipe_name(folder / "one.toml") == "shapes/one"
    assert group_of(folder / "one.toml") == read_group(folder)
    alone = write_recipe(tmp_path / "alone.toml")
    assert recipe_name(alone) == "alone"
    assert group_of(alone) is None
    assert recipe_name(RECIPES_DIR / "fashion-mlp.toml") == "fashion-mlp"
    assert recipe_name(RECIPES_DIR / "progress" / "lenet5.toml") == "progress/lenet5"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("members = 3", "members"),
        ("members = []", "needs at least one"),
        (MEMBERS.replace("seeds = 1", "seeds = 0"), r"members\.1\.seeds"),
        (MEMBERS.replace("title", "titel"), "titel"),
        (MEMBERS.replace('"two"', '"one"'), "'one' stands there twice"),
        (MEMBERS.replace('"two"', '"three"'), r"no recipe three\.toml beside it"),
        (MEMBERS + CLAIM.replace('"one"', '"oen"'), "a claim names 'oen'; did you mean 'one'"),
        ("[[members", "group.toml: "),
    ],
)
def test_mistake_in_a_group_is_refused(folder: Path, text: str, message: str) -> None:
    """With the file, the place and, where there is one, the word that was meant."""
    (folder / "group.toml").write_text(text)
    with pytest.raises(RecipeError, match=message) as refused:
        read_group(folder)
    assert "group.toml" in str(refused.value)


def test_folder_without_the_file_is_no_group(folder: Path) -> None:
    """The folder of results beside the recipes is none."""
    (folder / "group.toml").unlink()
    assert find_group(str(folder)) is None
    assert group_names(folder.parent) == []
    shutil.rmtree(folder)


def test_progress_group_keeps_to_one_protocol() -> None:
    """Its recipes differ in network and learning rate, and in nothing else that decides an outcome."""
    group = require_group("progress")
    recipes = {member.recipe: read_recipe(group.path_of(member)) for member in group.members}
    assert len(recipes) >= 10
    first = recipes["lenet5"]
    for recipe in recipes.values():
        assert (recipe.data, recipe.picture, recipe.training) == (first.data, first.picture, first.training)
        assert (recipe.schedule, recipe.augmentation, recipe.start) == (first.schedule, first.augmentation, None)
        assert recipe.optimizer.name == first.optimizer.name
        assert recipe.optimizer.weight_decay == first.optimizer.weight_decay
        assert recipe.optimizer.momentum == first.optimizer.momentum
        assert recipe.publication is None
    widths = {name: recipe.network.options.get("width") for name, recipe in recipes.items()}
    assert {name for name, width in widths.items() if width is None} == {"logistic_regression", "mlp", "lenet5"}
    assert {width for width in widths.values() if width is not None} == {0.25}


def test_figures_of_the_progress_group_belong_to_its_recipes_as_they_stand() -> None:
    """Whoever changes a recipe measures it again, and the line above it is the one made from its figures."""
    group = require_group("progress")
    measured = group_results(group)
    if not measured:
        pytest.skip("nothing is measured yet: python -m training compare progress")
    seeds = {member.recipe: member.seeds for member in group.members}
    for recipe, results in measured.items():
        path = group.folder / f"{recipe}.toml"
        assert results.recipe_digest == recipe_digest(read_recipe(path)), recipe
        assert with_heading(path.read_text(encoding="utf-8"), results) == path.read_text(encoding="utf-8"), recipe
        assert [run.seed for run in results.runs] == list(range(1, seeds[recipe] + 1)), recipe
        assert results.single_picture is not None, recipe
        if results.hardware.startswith("2 cores"):
            assert max(run.minutes for run in results.runs) <= 15.0, recipe


def test_figures_of_a_group_lie_in_its_folder_and_in_no_other_table(tmp_path: Path) -> None:
    """Those not measured yet are left out."""
    group = Group(tmp_path / "shapes", (_member("one"), _member("two")), ())
    path = write_results(made(0.07, name="shapes/one"), folder=tmp_path)
    assert path == tmp_path / "shapes" / "one.json"
    assert list(group_results(group, folder=tmp_path)) == ["one"]
    assert all_results(folder=tmp_path) == []


def _member(name: str) -> Member:
    return Member(recipe=name, title=name, seeds=1)
