"""The recipe of the best trial as a file that trains like any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomli_w
from optuna.trial import FrozenTrial

from training.recipe_file import SEARCH, with_values
from training.search.space import Space


def best_trial(trials: list[FrozenTrial]) -> FrozenTrial | None:
    """Choose the trial with the lowest value, of equal ones the earliest; None where no trial came to its end."""
    complete = [trial for trial in trials if trial.value is not None and trial.state.name == "COMPLETE"]
    return min(complete, key=lambda trial: (trial.value, trial.number), default=None)


def winner_as_toml(trial: FrozenTrial, *, tables: Mapping[str, Any], space: Space, study: str, seed: int) -> str:
    """Write the recipe with a trial's values.

    Args:
        trial: Usually the best.
        tables: Of the recipe that was searched.
        space: What was searched.
        study: Its name.
        seed: With which the trial was trained.

    """
    plain = {name: table for name, table in tables.items() if name != SEARCH}
    searched = "".join(f"#   {key}: {dimension}\n" for key, dimension in space.dimensions.items())
    return (
        f"# The best recipe of the search {study}: trial {trial.number}, seed {seed}.\n"
        "#\n"
        f"# Validation error {trial.value:.2%}, a little flattering: it is the lowest of several, chosen by the same\n"
        "# pictures. The test pictures were not looked at.\n"
        "#\n"
        "# Searched:\n"
        f"{searched}\n"
    ) + tomli_w.dumps(with_values(plain, space.values(trial.params)))
