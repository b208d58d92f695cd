"""`training.recipe_file`: recipes are read strictly, and a typo is answered with the closest key."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.data_sets import recipe_tables, shape_recipe, write_recipe
from training.errors import RecipeError
from training.recipe_file import (
    find_recipe,
    parse_recipe,
    read_recipe,
    read_tables,
    recipe_digest,
    recipe_names,
    with_values,
)
from training.recipe_file import recipe_tables as tables_of


def test_every_shipped_recipe_can_be_read() -> None:
    """No recipe of the project says anything that a recipe cannot say."""
    assert {"fashion-lenet5", "fashion-logistic-regression", "fashion-mlp"} <= set(recipe_names())
    for name in recipe_names():
        assert read_recipe(find_recipe(name)).training.epochs >= 1


def test_unknown_recipe_is_answered_with_the_closest_name() -> None:
    """A slip in the name costs one more look, not a search."""
    with pytest.raises(RecipeError, match="did you mean 'fashion-lenet5'"):
        find_recipe("fashion-lenet")


def test_recipe_of_no_similar_name_is_answered_with_the_list() -> None:
    """Who has no idea of the names gets all of them."""
    with pytest.raises(RecipeError, match=r"known are .*fashion-lenet5, fashion-logistic-regression, fashion-mlp"):
        find_recipe("zzz")


def test_missing_recipe_file_is_named(tmp_path: Path) -> None:
    """A path is taken as a path."""
    with pytest.raises(RecipeError, match=r"no recipe file .*nothing\.toml"):
        find_recipe(str(tmp_path / "nothing.toml"))


@pytest.mark.parametrize(
    ("table", "key", "message"),
    [
        ("training", "epoch", r"unknown key 'epoch' in \[training\]; did you mean 'epochs'\?"),
        ("optimizer", "lerning_rate", r"in \[optimizer\]; did you mean 'learning_rate'\?"),
        ("schedule", "zzz", r"unknown key 'zzz' in \[schedule\]; known are name, warmup_share, first,"),
        ("publication", "modle", r"unknown key 'modle' in \[publication\]; did you mean 'model'\?"),
    ],
)
def test_unknown_key_is_answered_with_the_closest_one(table: str, key: str, message: str) -> None:
    """A typo never trains with a default in its place."""
    with pytest.raises(RecipeError, match=message):
        parse_recipe(recipe_tables(**{table: {key: 1}}), source="x.toml")


def test_unknown_table_is_answered_with_the_closest_one() -> None:
    """A typo in the name of a table is found too."""
    with pytest.raises(RecipeError, match=r"unknown key 'optimiser' in the recipe; did you mean 'optimizer'\?"):
        parse_recipe(recipe_tables(optimiser={"name": "sgd"}), source="x.toml")


@pytest.mark.parametrize(
    ("table", "keys", "message"),
    [
        ("training", {"epochs": 0}, "training.epochs: input should be greater than or equal to 1"),
        ("training", {"epochs": "ten"}, "training.epochs: input should be a valid integer"),
        ("training", {"label_smoothing": 1.0}, "training.label_smoothing: input should be less than 1"),
        ("optimizer", {"name": "magic"}, "optimizer.name: input should be 'sgd' or 'adamw'"),
        ("optimizer", {"learning_rate": -0.1}, "optimizer.learning_rate: input should be greater than 0"),
        ("augmentation", {"flip": "yes"}, "augmentation.flip: input should be a valid boolean"),
    ],
)
def test_value_out_of_range_is_named_with_its_range(table: str, keys: dict[str, object], message: str) -> None:
    """An impossible value is refused before anything is computed."""
    with pytest.raises(RecipeError, match=message):
        parse_recipe(recipe_tables(**{table: keys}), source="x.toml")


def test_missing_table_is_named() -> None:
    """What cannot be guessed must be said."""
    tables = recipe_tables()
    del tables["network"]
    with pytest.raises(RecipeError, match=r"x\.toml: network is missing"):
        parse_recipe(tables, source="x.toml")


def test_file_that_is_no_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    """A broken file is told apart from a wrong recipe."""
    path = tmp_path / "broken.toml"
    path.write_text("[training\nepochs = 1\n")
    with pytest.raises(RecipeError, match=r"broken\.toml: .*line 1"):
        read_recipe(path)


def test_changes_replace_single_values_of_any_depth(tmp_path: Path) -> None:
    """What the command line says wins over the file, and keeps the rest of it."""
    path = write_recipe(tmp_path / "r.toml")
    recipe = read_recipe(
        path,
        changes=["training.epochs=9", "optimizer.name = adamw", "network.options.hidden=12", "data.name=a folder/b"],
    )
    assert recipe.training.epochs == 9
    assert recipe.training.batch_size == 20
    assert recipe.optimizer.name == "adamw"
    assert recipe.network.options == {"hidden": 12}
    assert recipe.data.name == "a folder/b"


@pytest.mark.parametrize("change", ["training.epochs", "=3", "training.epochs.more=3"])
def test_change_without_a_key_and_a_value_is_refused(tmp_path: Path, change: str) -> None:
    """A malformed change is no change."""
    with pytest.raises(RecipeError, match=r"is written like training\.epochs=10|leads through"):
        read_recipe(write_recipe(tmp_path / "r.toml"), changes=[change])


def test_search_space_in_a_recipe_changes_no_run(tmp_path: Path) -> None:
    """A recipe that can be searched can be trained as it stands, under the same name."""
    plain = write_recipe(tmp_path / "plain.toml")
    searched = tmp_path / "searched.toml"
    searched.write_text(plain.read_text() + "\n[search]\noptimizer.learning_rate = { low = 0.01, high = 1.0 }\n")
    assert read_recipe(searched) == read_recipe(plain)
    assert read_tables(searched)["search"] == {"optimizer": {"learning_rate": {"low": 0.01, "high": 1.0}}}


def test_change_of_the_search_space_is_refused_with_the_right_flag(tmp_path: Path) -> None:
    """It would be without effect, so it is no change of a run."""
    with pytest.raises(RecipeError, match="changes no run; what a search tries is given with --space"):
        read_recipe(write_recipe(tmp_path / "r.toml"), changes=["search.training.epochs.low=3"])


def test_values_are_put_into_tables_without_touching_the_originals() -> None:
    """Each trial of a search starts from the same tables."""
    tables = recipe_tables()
    changed = with_values(tables, {"network.options.hidden": [30, 20], "training.epochs": 7})
    assert changed["network"] == {"architecture": "lenet5", "options": {"hidden": [30, 20]}}
    assert changed["training"]["epochs"] == 7
    assert tables == recipe_tables()
    with pytest.raises(RecipeError, match=r"'training\.epochs\.more' leads through 'epochs', which is a value"):
        with_values(tables, {"training.epochs.more": 1})


def test_tables_of_a_recipe_read_back_to_the_same_recipe() -> None:
    """What a run folder keeps is enough to repeat the run."""
    recipe = shape_recipe(network={"architecture": "mlp", "options": {"hidden": [30, 20]}})
    assert parse_recipe(tables_of(recipe), source="again") == recipe


def test_digest_is_of_what_a_recipe_does() -> None:
    """Written-out defaults and words about the model change nothing; a rate does."""
    plain = recipe_digest(shape_recipe())
    assert recipe_digest(shape_recipe(optimizer={"momentum": 0.9})) == plain
    words = {"model": "m", "title": "t", "description": "d", "license": "mit"}
    assert recipe_digest(shape_recipe(publication=words)) == plain
    assert recipe_digest(shape_recipe(optimizer={"learning_rate": 0.051})) != plain
