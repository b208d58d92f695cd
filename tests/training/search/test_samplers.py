"""`training.search.samplers`: the same seed gives the same trials, and what is learned is used."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest
from optuna import create_study

from tests.training.search.studies import finished, search, small_space
from training.search.errors import SearchError
from training.search.samplers import make_pruner, make_sampler

MORE_THAN_CHANCE = 13  # tpe and gp start with ten trials by chance


@pytest.mark.parametrize("sampler", ["random", "tpe", "gp"])
def test_same_seed_gives_the_same_trials_even_when_the_search_is_started_anew(sampler: str, tmp_path: Path) -> None:
    """One worker: what is tried depends on seed, number and history, not on when the program was started."""
    search(tmp_path / "whole", sampler=sampler, trials=MORE_THAN_CHANCE)
    for trials in (4, 11, MORE_THAN_CHANCE):
        search(tmp_path / "parts", sampler=sampler, trials=trials)
    search(tmp_path / "other", sampler=sampler, trials=3, seed=2)
    whole = finished(tmp_path / "whole")
    assert len(whole) == len(set(whole)) == MORE_THAN_CHANCE
    assert finished(tmp_path / "parts") == whole
    assert finished(tmp_path / "other") != whole[:3]


@pytest.mark.parametrize("sampler", ["tpe", "gp"])
def test_sampler_that_learns_looks_where_it_was_good(sampler: str, tmp_path: Path) -> None:
    """After its ten trials by chance, the next fifteen are better on average than fifteen more by chance."""
    for name in (sampler, "random"):
        search(tmp_path / name, sampler=name, trials=25)
    learned, drawn = (
        statistics.fmean(float(str(value)) for *_, value in finished(tmp_path / name)[10:])
        for name in (sampler, "random")
    )
    assert learned < 0.8 * drawn


@pytest.mark.parametrize("name", ["magic", "tpee"])
def test_unknown_sampler_and_pruner_are_answered_with_the_known_ones(name: str) -> None:
    """No stack trace of the library that knows them."""
    with pytest.raises(SearchError, match=r"no sampler '(magic'; known are grid, random, tpe, gp|tpee'; did you mean)"):
        make_sampler(name, space=small_space(), seed=1)
    with pytest.raises(SearchError, match=f"no pruner '{name}'; known are median, halving, none"):
        make_pruner(name, epochs=1)


def test_negative_seed_is_refused() -> None:
    """Random generators take none."""
    with pytest.raises(SearchError, match="must not be negative, as -1 is"):
        make_sampler("random", space=small_space(), seed=-1)


@pytest.mark.parametrize(("name", "epoch_of_the_end"), [("median", 4), ("halving", 1), ("none", None)])
def test_pruner_stops_a_trial_that_is_worse_than_the_others(name: str, epoch_of_the_end: int | None) -> None:
    """Of 16 epochs: the median waits for a quarter of them, halving for a ninth."""
    study = create_study(pruner=make_pruner(name, epochs=16))
    for value in (0.1, 0.1, 0.2, 0.2, 0.3, 0.3):
        trial = study.ask()
        for epoch in range(1, 17):
            trial.report(value, epoch)
            trial.should_prune()  # halving compares with those who asked
        study.tell(trial, value)
    bad = study.ask()
    asked = []
    for epoch in range(1, 17):
        bad.report(0.9, epoch)
        asked.append(bad.should_prune())
    assert next((epoch for epoch, stop in enumerate(asked, start=1) if stop), None) == epoch_of_the_end
