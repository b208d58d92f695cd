"""What a search found, for people: `report.md`, its pictures, and the winning recipe beside it.

Any worker may write it at any time: it says what stands in the storage at that moment.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna import Study
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState

from training.durable import write_durably
from training.search import plots
from training.search.objective import BEST_EPOCH, EPOCHS, PARAMETERS, SECONDS
from training.search.space import Space
from training.search.study import REASON, StudyFolder, trained
from training.search.winner import best_trial, winner_as_toml

_SHOWN = 10
_LEAST_FOR_IMPORTANCE = 4  # a forest over fewer trials explains nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the storage does not say about a search.

    Args:
        recipe: Its name.
        tables: Of the recipe, as searched.
        space: What was searched.
        sampler: Name of the sampler.
        pruner: Name of the pruner.
        seed: Of sampler and trainings.
        asked: Trials that were asked for.
        data: Name of the data set.
        validation_pictures: Number of them.
        storage: Address, without a password.

    """

    recipe: str
    tables: Mapping[str, Any]
    space: Space
    sampler: str
    pruner: str
    seed: int
    asked: int
    data: str
    validation_pictures: int
    storage: str


def write_report(study: Study, *, about: About, folder: StudyFolder) -> FrozenTrial | None:
    """Write report, pictures and winner into the folder of the study.

    Returns:
        The best trial; None where none came to its end, and then there is no winner.

    """
    trials = trained(study.get_trials(deepcopy=False))
    best = best_trial(trials)
    shares = importances(study, about=about)
    pictures = _pictures(trials, about=about, shares=shares) if best else {}
    for name, picture in pictures.items():
        write_durably(folder.path / f"{name}.png", picture)
    if best:
        toml = winner_as_toml(best, tables=about.tables, space=about.space, study=study.study_name, seed=about.seed)
        write_durably(folder.winner, toml.encode())
    text = _text(study.study_name, trials, about=about, folder=folder, shares=shares, pictures=list(pictures))
    write_durably(folder.report, text.encode())
    return best


def importances(study: Study, *, about: About) -> dict[str, float]:
    """Tell how much of the variance of the validation error each key explains; nothing where too little is known.

    Source: functional analysis of variance over a random forest, Hutter, Hoos and Leyton-Brown 2014.
    """
    complete = [trial for trial in study.get_trials(deepcopy=False) if trial.state is TrialState.COMPLETE]
    if len(complete) < _LEAST_FOR_IMPORTANCE or len({trial.value for trial in complete}) == 1:
        return {}
    shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=about.seed))
    return {key: share for key, share in shares.items() if math.isfinite(share)}


def _pictures(trials: Sequence[FrozenTrial], *, about: About, shares: Mapping[str, float]) -> dict[str, bytes]:
    distributions = about.space.distributions()
    return {
        "history": plots.history(trials),
        **({"importance": plots.importances(shares)} if shares else {}),
        "slices": plots.slices(trials, distributions=distributions),
        "parallel-coordinates": plots.parallel_coordinates(trials, distributions=distributions),
        "intermediate-values": plots.intermediate_values(trials),
    }


def _text(
    name: str,
    trials: Sequence[FrozenTrial],
    *,
    about: About,
    folder: StudyFolder,
    shares: Mapping[str, float],
    pictures: Sequence[str],
) -> str:
    parts = [
        f"# Search {name}",
        _summary(trials, about=about),
        "## Searched",
        _table(("key", "values"), [(f"`{key}`", str(values)) for key, values in about.space.dimensions.items()]),
        "## Best trials",
        _best_trials(trials, about=about),
        _honesty(trials, about=about),
        _how_to_train(trials, about=about, folder=folder),
    ]
    if shares:
        rows = [(f"`{key}`", f"{share:.0%}") for key, share in shares.items()]
        parts += ["## What mattered", _table(("key", "share of the variance"), rows)]
    parts += [f"![{picture}]({picture}.png)" for picture in pictures]
    if failed := [trial for trial in trials if trial.state is TrialState.FAIL]:
        lines = [(str(trial.number), _reason(trial), _cells(trial)) for trial in failed]
        parts += ["## Failed trials", _table(("trial", "reason", "values"), lines)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary(trials: Sequence[FrozenTrial], *, about: About) -> str:
    counts = {state: sum(trial.state is state for trial in trials) for state in TrialState}
    seconds = sum(
        (trial.datetime_complete - trial.datetime_start).total_seconds()
        for trial in trials
        if trial.datetime_start and trial.datetime_complete
    )
    rows = [
        ("recipe", about.recipe),
        ("data", f"{about.data}, {about.validation_pictures:,} validation pictures"),
        ("trials", f"{len(trials)} of {about.asked} asked for"),
        ("complete", str(counts[TrialState.COMPLETE])),
        ("stopped early", str(counts[TrialState.PRUNED])),
        ("failed", str(counts[TrialState.FAIL])),
        ("under way", str(counts[TrialState.RUNNING])),
        ("sampler, pruner, seed", f"{about.sampler}, {about.pruner}, {about.seed}"),
        ("storage", f"`{about.storage}`"),
        ("time of all trials", f"{seconds / 60:.1f} minutes"),
    ]
    if about.sampler == "grid":
        size = about.space.grid_size()
        rows.insert(3, ("points of the grid", f"{min(len(trials), size)} of {size}"))
    return _table(("what", ""), rows)


def _best_trials(trials: Sequence[FrozenTrial], *, about: About) -> str:
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    if not complete:
        return "No trial came to its end."
    ranked = sorted(complete, key=lambda trial: (trial.value, trial.number))[:_SHOWN]
    keys = list(about.space.dimensions)
    heading = ("trial", "validation error", "best epoch", "parameters", "seconds", *(f"`{key}`" for key in keys))
    rows = [
        (
            str(trial.number),
            f"{trial.value:.2%}",
            f"{trial.user_attrs.get(BEST_EPOCH)}/{trial.user_attrs.get(EPOCHS)}",
            f"{trial.user_attrs.get(PARAMETERS, 0):,}",
            f"{trial.user_attrs.get(SECONDS, 0.0):.1f}",
            *(_cell(trial.params[key]) for key in keys),
        )
        for trial in ranked
    ]
    return _table(heading, rows)


def _honesty(trials: Sequence[FrozenTrial], *, about: About) -> str:
    """Say what the best error is worth."""
    best = best_trial(list(trials))
    text = "The test pictures were not looked at: every choice was made on the validation pictures alone."
    if best is None or best.value is None:
        return text
    doubt = 1.96 * math.sqrt(best.value * (1 - best.value) / about.validation_pictures)
    return (
        f"{text} The best validation error is optimistic, because it is the lowest of {len(trials)} trials, and of the "
        f"epochs of each, on the same pictures. With {about.validation_pictures:,} of them an error of "
        f"{best.value:.2%} is known to about ±{100 * doubt:.2f} points (95 %), so trials that differ by less may be "
        "equally good."
    )


def _how_to_train(trials: Sequence[FrozenTrial], *, about: About, folder: StudyFolder) -> str:
    if best_trial(list(trials)) is None:
        return ""
    return (
        f"The winner is the recipe `{folder.winner.name}` beside this file:\n\n"
        f"```\npython -m training train {folder.winner} --seed {about.seed}\n```"
    )


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _cells(trial: FrozenTrial) -> str:
    return ", ".join(f"{key}={_cell(value)}" for key, value in trial.params.items())


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _reason(trial: FrozenTrial) -> str:
    return " ".join(str(trial.user_attrs.get(REASON, "its worker ended each time")).split())
