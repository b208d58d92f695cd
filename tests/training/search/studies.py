"""Small studies for tests: a search whose trials are worth what a formula says, so that they take no time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from optuna import Study, Trial
from optuna.trial import FrozenTrial, TrialState

from tests.training.data_sets import recipe_tables
from training.search.samplers import make_pruner, make_sampler
from training.search.space import Space, read_space
from training.search.storage import open_storage
from training.search.study import Objective, Search, StudyFolder, open_study
from training.search.worker import Worker

RATE, HIDDEN = "optimizer.learning_rate", "network.options.hidden"
SPACE = {
    RATE: {"low": 0.01, "high": 1.0, "log": True, "steps": 4},
    HIDDEN: {"choices": [8, 16, 32]},
}
IDENTITY = {"recipe": "abc", "seed": 1}


@dataclass(slots=True)
class Listener:
    """Keeps what it is told."""

    lines: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Keep a line."""
        self.lines.append(text)


def small_space(written: object = SPACE) -> Space:
    """Give a space over the recipe for shapes."""
    return read_space({**recipe_tables(), "search": written})


def formula(trial: Trial) -> float:
    """Give a value that is lowest at a rate of 0.1 and 16 hidden units."""
    return float(abs(trial.params[RATE] - 0.1) / 2 + abs(trial.params[HIDDEN] - 16) / 100)


def open_small(path: Path, *, sampler: str = "random", seed: int = 1, address: str | None = None) -> Study:
    """Open a study below a folder; each call opens the storage anew, as another process would."""
    space = small_space()
    return open_study(
        open_storage(address or f"journal:{StudyFolder(path).journal}"),
        name="small",
        sampler=make_sampler(sampler, space=space, seed=seed),
        pruner=make_pruner("none", epochs=1),
        identity=IDENTITY,
    )


def search(
    path: Path,
    *,
    trials: int,
    objective: Objective = formula,
    sampler: str = "random",
    seed: int = 1,
    address: str | None = None,
    is_over: Callable[[], bool] = lambda: False,
) -> Listener:
    """Work on a study below a folder until it has its trials."""
    listener = Listener()
    folder = StudyFolder(path)
    with Worker(folder.workers, now_s=lambda: 0.0) as worker:
        Search(
            study=open_small(path, sampler=sampler, seed=seed, address=address),
            space=small_space(),
            folder=folder,
            worker=worker,
            objective=objective,
            trials=trials,
            is_over=is_over,
            teller=listener,
        ).run()
    return listener


def trials_of(path: Path, *, address: str | None = None) -> list[FrozenTrial]:
    """Read the trials of a study."""
    return open_small(path, address=address).get_trials()


def finished(path: Path, *, address: str | None = None) -> list[tuple[object, ...]]:
    """Give values and outcome of the trials that came to their end, in order."""
    complete = (trial for trial in trials_of(path, address=address) if trial.state is TrialState.COMPLETE)
    return [(trial.params[RATE], trial.params[HIDDEN], trial.value) for trial in complete]
