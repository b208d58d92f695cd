"""One worker's whole day: the study opened, trials trained until there are enough, the report written."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from optuna import Study
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from service.artifact import NAME_PATTERN
from training.data import open_data
from training.data.splits import Splits
from training.errors import InterruptedRunError
from training.experiment import Experiment
from training.recipe_file import SEARCH, recipe_digest
from training.search.errors import SearchError
from training.search.objective import Bar, TrainingObjective
from training.search.pictures import pictures_for
from training.search.report import About, write_report
from training.search.samplers import make_pruner, make_sampler, plain_parameters
from training.search.space import Space, read_space
from training.search.storage import open_storage, serves_one_worker, without_password
from training.search.study import REASON, Search, StudyFolder, open_study, trained
from training.search.worker import Worker
from training.settings import Settings

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Teller(Bar, Protocol):
    """Who is shown how trials go, and told what happens around them."""

    def say(self, text: str) -> None:
        """Something happened that one line tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for.

    Args:
        study: Its name; the same name goes on with a search.
        experiment: The recipe, and the seed of sampler and trainings.
        tables: Of the recipe, `[search]` included.
        additions: To the space, from the command line.
        sampler: One of `samplers.SAMPLER_NAMES`.
        pruner: One of `samplers.PRUNER_NAMES`.
        trials: Of the whole study.
        timeout_s: After which no trial begins; None is never.
        storage: Address; None is a journal in the study's folder.

    """

    study: str
    experiment: Experiment
    tables: dict[str, Any]
    additions: Sequence[str]
    sampler: str
    pruner: str
    trials: int
    timeout_s: float | None
    storage: str | None

    def require_sense(self) -> None:
        """Refuse what no study can be.

        Raises:
            SearchError: The name is no name of a folder, or a number is too low.

        """
        if not re.fullmatch(NAME_PATTERN, self.study):
            raise SearchError(f"--study must be lower-case letters, digits, dots and dashes, not {self.study!r}.")
        if self.trials < 1:
            raise SearchError(f"--trials must be at least 1, not {self.trials}.")
        if self.timeout_s is not None and self.timeout_s <= 0:
            raise SearchError(f"--timeout must be above 0 minutes, not {self.timeout_s / 60:g}.")


def work(
    request: Request, *, settings: Settings, fabric: Fabric, teller: Teller, wants_to_stop: Callable[[], bool]
) -> None:
    """Be one worker on a study until it has its trials, and write the report.

    Args:
        request: What is searched, and how.
        settings: Folders.
        fabric: Device and precision of the trainings.
        teller: Told how it goes.
        wants_to_stop: Asked after every step; the trial under way is then saved and queued again.

    Raises:
        SearchError: The space, the storage or the study does not allow it, or no trial could be trained.
        TrainingError: Recipe or data cannot be used.

    """
    began_s = time.monotonic()
    plan = _Plan.of(request, settings=settings)
    with Worker(plan.folder.workers, now_s=time.time) as worker:
        if serves_one_worker(plan.address) and worker.others():
            raise SearchError(
                "SQLite serves one worker at a time, and another is at work; take journal:FILE for several."
            )
        recipe = request.experiment.recipe
        splits_of = pictures_for(open_data(recipe.data.name, settings=settings), base=recipe)
        splits = splits_of(recipe)
        study = _open(request, plan, fingerprint=splits.fingerprint)
        teller.say(_welcome(request, study, space=plan.space, splits=splits))
        objective = TrainingObjective(
            name=request.study,
            tables={name: table for name, table in request.tables.items() if name != SEARCH},
            space=plan.space,
            seed=request.experiment.seed,
            fabric=fabric,
            splits_of=splits_of,
            folder=plan.folder,
            worker=worker,
            bar=teller,
            wants_to_stop=wants_to_stop,
        )
        search = Search(
            study=study,
            space=plan.space,
            folder=plan.folder,
            worker=worker,
            objective=objective,
            trials=request.trials,
            is_over=lambda: wants_to_stop() or _is_late(request, began_s=began_s),
            teller=teller,
        )
        _run(search, teller=teller)
    _conclude(study, about=_about(request, plan, splits=splits), folder=plan.folder, teller=teller)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What follows from a request without a look at pictures or storage, so that slips are answered at once."""

    space: Space
    sampler: BaseSampler
    pruner: BasePruner
    folder: StudyFolder
    address: str

    @classmethod
    def of(cls, request: Request, *, settings: Settings) -> _Plan:
        request.require_sense()
        space = read_space(request.tables, additions=request.additions)
        folder = StudyFolder(settings.runs_dir / "tune" / request.study)
        return cls(
            space=space,
            sampler=make_sampler(request.sampler, space=space, seed=request.experiment.seed),
            pruner=make_pruner(request.pruner, epochs=request.experiment.recipe.training.epochs),
            folder=folder,
            address=request.storage or f"journal:{folder.journal}",
        )


def _open(request: Request, plan: _Plan, *, fingerprint: str) -> Study:
    return open_study(
        open_storage(plan.address),
        name=request.study,
        sampler=plan.sampler,
        pruner=plan.pruner,
        identity={
            "recipe": recipe_digest(request.experiment.recipe),
            "search space": plan.space.tables(),
            "sampler": request.sampler,
            "pruner": request.pruner,
            "seed": request.experiment.seed,
            "data": fingerprint,
        },
    )


def _run(search: Search, *, teller: Teller) -> None:
    try:
        search.run()
    except InterruptedRunError:
        teller.say("The trial under way was broken off; the next worker goes on with it.")


def _is_late(request: Request, *, began_s: float) -> bool:
    return request.timeout_s is not None and time.monotonic() - began_s > request.timeout_s


def _welcome(request: Request, study: Study, *, space: Space, splits: Splits) -> str:
    before = len(trained(study.get_trials(deepcopy=False)))
    lines = [f"study {request.study}: {before} of {request.trials} trials so far, {request.sampler}, {request.pruner}"]
    if request.sampler == "grid":
        lines.append(f"{min(request.trials, space.grid_size())} of the {space.grid_size()} points of the grid")
    lines += [f"{key}: {dimension}" for key, dimension in space.dimensions.items()]
    lines.append(
        f"{splits.dataset.name}: {len(splits.training):,} pictures to train, {len(splits.validation):,} to validate; "
        "the test pictures stay unseen"
    )
    return "\n".join(lines)


def _about(request: Request, plan: _Plan, *, splits: Splits) -> About:
    return About(
        recipe=request.experiment.name,
        tables=request.tables,
        space=plan.space,
        sampler=request.sampler,
        pruner=request.pruner,
        seed=request.experiment.seed,
        asked=request.trials,
        data=splits.dataset.name,
        validation_pictures=len(splits.validation),
        storage=without_password(plan.address),
    )


def _conclude(study: Study, *, about: About, folder: StudyFolder, teller: Teller) -> None:
    best = write_report(study, about=about, folder=folder)
    if best is not None:
        teller.say(f"best is trial {best.number}: validation error {best.value:.2%}  {plain_parameters(best.params)}")
        teller.say(f"{folder.report}\n{folder.winner}")
        return
    reasons = [trial.user_attrs[REASON] for trial in study.get_trials(deepcopy=False) if REASON in trial.user_attrs]
    if reasons:
        raise SearchError(f"No trial came to its end; {folder.report} says why. The first reason: {reasons[0]}")
    teller.say(f"{folder.report}: no trial came to its end yet")
