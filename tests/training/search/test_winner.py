"""`training.search.winner`: the best trial becomes a recipe file that says where it comes from."""

from __future__ import annotations

from pathlib import Path

from optuna import TrialPruned

from tests.training.data_sets import recipe_tables, shape_recipe
from tests.training.search.studies import SPACE, search, small_space, trials_of
from training.recipe_file import read_recipe, read_tables
from training.search.winner import best_trial, winner_as_toml


def test_winner_is_a_recipe_with_the_values_of_the_best_trial(tmp_path: Path) -> None:
    """Whatever else the recipe says stays; the space goes, because this is its result."""
    search(tmp_path, trials=5)
    best = best_trial(trials_of(tmp_path))
    assert best is not None
    tables = {**recipe_tables(network={"architecture": "lenet5", "options": {"pool": "average"}}), "search": SPACE}
    path = tmp_path / "best.toml"
    path.write_text(winner_as_toml(best, tables=tables, space=small_space(), study="small", seed=7))
    expected = shape_recipe(
        network={
            "architecture": "lenet5",
            "options": {"pool": "average", "hidden": best.params["network.options.hidden"]},
        },
        optimizer={"learning_rate": best.params["optimizer.learning_rate"]},
    )
    assert read_recipe(path) == expected
    assert "search" not in read_tables(path)
    heading = path.read_text().partition("[network]")[0]
    assert f"trial {best.number}, seed 7" in heading
    assert f"Validation error {best.value:.2%}" in heading
    assert "flattering" in heading
    assert "test pictures were not looked at" in heading


def test_best_is_the_lowest_of_those_that_came_to_their_end(tmp_path: Path) -> None:
    """A trial that was stopped early has a value of some epoch, which is no result; of equal ones the first counts."""
    values = iter([0.5, 0.25, 0.25])

    def objective(trial: object) -> float:
        del trial
        if (value := next(values, None)) is None:
            raise TrialPruned
        return value

    assert best_trial([]) is None
    search(tmp_path, trials=4, objective=objective)
    best = best_trial(trials_of(tmp_path))
    assert best is not None
    assert (best.number, best.value) == (1, 0.25)
