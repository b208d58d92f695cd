"""Trials that really train: a network of a few weights on the shapes, in fractions of a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric
from optuna import Study, Trial, create_study
from optuna.pruners import BasePruner, NopPruner
from optuna.trial import FrozenTrial

from tests.training.data_sets import recipe_tables
from training.data.splits import Splits
from training.learning.progress import SilentReporter
from training.search.objective import TrainingObjective
from training.search.space import Space, read_space
from training.search.study import CONTINUES, StudyFolder
from training.search.worker import Worker

RATE, FILTERS = "optimizer.learning_rate", "network.options.filters"
SEED = 3


def tiny_tables(**changes: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Give the tables of a recipe that trains at once."""
    network = {"architecture": "plain_cnn", "options": {"layers": 1, "filters": 2, "hidden": 4, "stride": 3}}
    return recipe_tables(**{"network": network, **changes})


def tiny_space() -> Space:
    """Give a space over it."""
    written = {RATE: {"low": 0.001, "high": 0.3, "log": True}, FILTERS: {"choices": [2, 3]}}
    return read_space({**tiny_tables(), "search": written})


class AlwaysPrune(BasePruner):
    """Finds every trial hopeless."""

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Say so; see Optuna."""
        del study, trial
        return True


def objective(
    path: Path,
    *,
    fabric: Fabric,
    splits: Splits,
    tables: Mapping[str, Any] | None = None,
    wants_to_stop: Callable[[], bool] = lambda: False,
) -> TrainingObjective:
    """Give what trains the trials of a study below a folder."""
    folder = StudyFolder(path)
    return TrainingObjective(
        name="tiny",
        tables=dict(tiny_tables() if tables is None else tables),
        space=tiny_space(),
        seed=SEED,
        fabric=fabric,
        splits_of=lambda _recipe: splits,
        folder=folder,
        worker=Worker(folder.workers, now_s=lambda: 0.0),
        bar=SilentReporter(),
        wants_to_stop=wants_to_stop,
        clock=lambda: 0.0,
    )


def ask(study: Study | None = None, *, pruner: BasePruner | None = None, continues: int | None = None) -> Trial:
    """Begin a trial with a rate of 0.05 and three filters."""
    attributes = {} if continues is None else {CONTINUES: continues}
    study = study or create_study(pruner=pruner or NopPruner())
    study.enqueue_trial({RATE: 0.05, FILTERS: 3}, user_attrs=attributes)
    return study.ask(tiny_space().distributions())
