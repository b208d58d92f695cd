"""`training.search.plots`: every figure is drawn, also of searches that have little to show."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from optuna import TrialPruned
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial
from PIL import Image

from tests.training.search.studies import search, small_space, trials_of
from training.search import plots

DISTRIBUTIONS: dict[str, BaseDistribution] = {
    "rate": FloatDistribution(0.01, 1.0, log=True),
    "layers": IntDistribution(1, 4),
    "one": IntDistribution(3, 3),
    "pool": CategoricalDistribution(["max", "average"]),
}


def _trial(number: int, *, value: float, rate: float, state: TrialState = TrialState.COMPLETE) -> FrozenTrial:
    trial = create_trial(
        state=state,
        value=value,
        params={"rate": rate, "layers": 1 + number % 4, "one": 3, "pool": ("max", "average")[number % 2]},
        distributions=DISTRIBUTIONS,
        intermediate_values={1: 0.9, 2: value},
    )
    trial.number = number
    return trial


TRIALS = [
    _trial(0, value=0.5, rate=0.01),
    _trial(1, value=0.8, rate=1.0, state=TrialState.PRUNED),
    _trial(2, value=0.2, rate=0.1),
    _trial(3, value=0.3, rate=0.3),
]


def _ink(png: bytes) -> int:
    """Count the pixels that are not white, after checking that it is a picture."""
    picture = Image.open(io.BytesIO(png))
    assert picture.format == "PNG"
    return int((np.asarray(picture.convert("L")) < 250).sum())


def test_every_figure_shows_its_trials() -> None:
    """More trials, more ink: nothing is drawn that depends on no trial."""
    for few, many in (
        (plots.history(TRIALS[:1]), plots.history(TRIALS)),
        (plots.intermediate_values(TRIALS[:1]), plots.intermediate_values(TRIALS)),
        (
            plots.parallel_coordinates(TRIALS[:1], distributions=DISTRIBUTIONS),
            plots.parallel_coordinates(TRIALS, distributions=DISTRIBUTIONS),
        ),
        (
            plots.slices(TRIALS[:1], distributions=DISTRIBUTIONS),
            plots.slices(TRIALS, distributions=DISTRIBUTIONS),
        ),
        (plots.importances({"a": 0.1}), plots.importances({"a": 0.9})),
    ):
        assert 100 < _ink(few) < _ink(many)


@pytest.mark.parametrize(
    ("key", "value", "height"),
    [("rate", 0.01, 0.0), ("rate", 0.1, 0.5), ("layers", 4, 1.0), ("one", 3, 0.0), ("pool", "average", 1.0)],
)
def test_height_on_an_axis_is_between_its_ends(key: str, value: object, height: float) -> None:
    """Logarithmic where the search was; choices in a row; a single value lies at the foot."""
    assert plots._height(DISTRIBUTIONS[key], value) == pytest.approx(height)  # type: ignore[arg-type]  # a choice


def test_figures_of_equal_trials_are_drawn_without_a_warning(tmp_path: Path) -> None:
    """A search in which nothing mattered, and one of a single trial, have their pictures too."""

    def objective(trial: object) -> float:
        if len(trials_of(tmp_path)) == 3:
            raise TrialPruned
        del trial
        return 0.5

    for trials in (1, 3):
        search(tmp_path, trials=trials, objective=objective)
        found, distributions = trials_of(tmp_path), small_space().distributions()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert _ink(plots.history(found)) > 0
            assert _ink(plots.slices(found, distributions=distributions)) > 0
            assert _ink(plots.parallel_coordinates(found, distributions=distributions)) > 0
            assert _ink(plots.intermediate_values(found)) > 0
