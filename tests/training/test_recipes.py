"""The recipes that ship: what their headings, results and tables say is what was measured, and it is good enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.recipe_file import RECIPES_DIR, find_recipe, read_recipe, recipe_digest
from training.results.over_seeds import Results, all_results, read_results
from training.results.tables import between_marks, table, with_heading

PROJECT = Path(__file__).parents[2]
LIMITS = {
    "cifar10-airbench": 0.055,
    "clothing-finetuned": 0.18,
    "clothing-from-scratch": 0.20,
    "fashion-lenet5": 0.080,
    "fashion-mlp": 0.110,
    "fashion-logistic-regression": 0.160,
}
SEEDS = {"cifar10-airbench": 2}  # of an hour each; the others take three
MINUTES = {"cifar10-airbench": 60.0, "fashion-lenet5": 3.0}
TESTED = {"clothing-finetuned": 372, "clothing-from-scratch": 372}  # the others on 10,000
PARAMETERS = {
    "cifar10-airbench": 1_971_352,
    "clothing-finetuned": 1_971_352,
    "clothing-from-scratch": 1_971_352,
    "fashion-lenet5": 61_706,
    "fashion-mlp": 79_510,
    "fashion-logistic-regression": 7_850,
}


def _published(name: str) -> Results:
    results = read_results(name)
    assert results is not None, f"measure it: python -m training compare {name}"
    return results


@pytest.mark.parametrize("name", LIMITS)
def test_published_error_is_a_mean_over_seeds_below_its_limit(name: str) -> None:
    """The figures in the repository reach what each network is expected to reach."""
    results = _published(name)
    assert [run.seed for run in results.runs] == list(range(1, SEEDS.get(name, 3) + 1))
    assert results.n == TESTED.get(name, 10_000)
    assert results.spread("top1_error").mean <= LIMITS[name]
    assert results.architecture.parameters == PARAMETERS[name]


@pytest.mark.parametrize("name", MINUTES)
def test_convolution_trains_on_two_cores_in_the_time_it_is_given(name: str) -> None:
    """Each seed of LeNet-5 took at most three minutes, and of the CIFAR-10 network at most an hour."""
    results = _published(name)
    assert results.hardware.startswith("2 cores")
    assert max(run.minutes for run in results.runs) <= MINUTES[name]


def test_a_network_that_learned_on_other_pictures_first_errs_less_on_clothing() -> None:
    """By more than a point on average over three seeds each, in the same time on the same pictures."""
    scratch, finetuned = (_published(f"clothing-{kind}") for kind in ("from-scratch", "finetuned"))
    assert scratch.spread("top1_error").mean - finetuned.spread("top1_error").mean > 0.01


@pytest.mark.parametrize("name", LIMITS)
def test_figures_belong_to_the_recipe_as_it_stands(name: str) -> None:
    """Whoever changes a recipe measures it again."""
    assert _published(name).recipe_digest == recipe_digest(read_recipe(find_recipe(name)))


@pytest.mark.parametrize("name", LIMITS)
def test_heading_of_a_recipe_is_the_one_made_from_its_results(name: str) -> None:
    """No figure above a recipe was typed."""
    text = (RECIPES_DIR / f"{name}.toml").read_text(encoding="utf-8")
    assert with_heading(text, _published(name)) == text


def test_table_of_the_training_readme_is_the_one_made_from_the_results() -> None:
    """No figure in it was typed; `python -m training table --write FILE` brings it up to date."""
    text = (PROJECT / "training" / "README.md").read_text(encoding="utf-8")
    assert between_marks(text, table(all_results()), name="training") == text
