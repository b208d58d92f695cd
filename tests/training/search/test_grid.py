"""`training.search.grid`: every point once, in an order that a seed decides."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from optuna import create_study
from optuna.trial import TrialState

from tests.training.search.studies import HIDDEN, RATE, finished, search, small_space, trials_of
from training.search.dimension import Range
from training.search.errors import SearchError
from training.search.grid import GridSampler
from training.search.samplers import make_sampler
from training.search.space import Space

POINTS = set(product((0.01, 10**-1.333333, 10**-0.666667, 1.0), (8, 16, 32)))


def _points(path: Path) -> list[tuple[float, int]]:
    return [(round(float(str(rate)), 5), int(str(hidden))) for rate, hidden, _ in finished(path)]


def test_grid_is_walked_once_and_then_the_search_ends(tmp_path: Path) -> None:
    """More trials than points makes no point twice."""
    search(tmp_path, sampler="grid", trials=50)
    assert sorted(_points(tmp_path)) == sorted((round(rate, 5), hidden) for rate, hidden in POINTS)


def test_grid_that_is_too_large_is_sampled_all_over_in_an_order_of_the_seed(tmp_path: Path) -> None:
    """The same seed takes the same points; five of twelve lie on more than one value of each key."""
    orders = {}
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        search(tmp_path / name, sampler="grid", seed=seed, trials=5)
        orders[name] = _points(tmp_path / name)
    assert orders["one"] == orders["again"] != orders["other"]
    assert len(set(orders["one"])) == 5
    assert all(len({point[axis] for point in orders["one"]}) > 1 for axis in (0, 1))


def test_trials_that_ask_at_once_get_different_points() -> None:
    """Even where none sees the other's values yet, because their numbers differ."""
    space = small_space()
    sampler = GridSampler(space.distributions(), lines=space.grid(), seed=1)
    study = create_study(sampler=sampler)
    trials = [study.ask() for _ in range(sampler.size)]  # none has been given its values
    points = {tuple(sampler.sample_relative(study, trial._cached_frozen_trial, {}).items()) for trial in trials}
    assert len(points) == sampler.size == 12


def test_point_of_a_trial_that_was_queued_again_is_not_lost(tmp_path: Path) -> None:
    """Trial numbers that a queued trial uses up leave points behind, which later trials take."""

    def objective(trial: object) -> float:
        if len(trials_of(tmp_path)) == 3:
            raise KeyboardInterrupt
        del trial
        return 0.5

    with pytest.raises(KeyboardInterrupt):
        search(tmp_path, sampler="grid", objective=objective, trials=50)
    search(tmp_path, sampler="grid", trials=50)
    assert len(_points(tmp_path)) == len(set(_points(tmp_path))) == 12
    assert sum(trial.state is TrialState.FAIL for trial in trials_of(tmp_path)) == 1


def test_grid_beyond_all_measure_is_refused() -> None:
    """A slip in `steps` is answered at once."""
    line = Range(low=0.0, high=1.0, whole=False, steps=1000)
    with pytest.raises(SearchError, match=r"The grid has 1,000,000 points; take fewer steps"):
        make_sampler("grid", space=Space({RATE: line, HIDDEN: line}), seed=1)
