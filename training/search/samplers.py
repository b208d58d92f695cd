"""How the next values are chosen and hopeless trials are ended, by the names of the command line.

A sampler starts from a seed of its own for every trial. So the values of a trial depend on the study's seed, its number
and the trials before it, and not on which worker asks or how often the search was started anew: a search with one
worker repeats exactly, and several workers do not draw the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler, GPSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState

from training.errors import did_you_mean
from training.search.errors import SearchError
from training.search.grid import GridSampler
from training.search.space import Space

SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "random": lambda seed: RandomSampler(seed=seed),
    "tpe": lambda seed: TPESampler(seed=seed),
    "gp": lambda seed: GPSampler(seed=seed),
}
SAMPLER_NAMES = ("grid", *SAMPLERS)
PRUNER_NAMES = ("median", "halving", "none")


def make_sampler(name: str, *, space: Space, seed: int) -> BaseSampler:
    """Make a sampler.

    Args:
        name: One of `SAMPLER_NAMES`: every combination, chance, tree-structured Parzen estimator, Gaussian process.
        space: What is searched.
        seed: Not negative.

    Raises:
        SearchError: There is no such sampler, or no grid of the space.

    Source: Bergstra et al. 2011 for tpe; Snoek, Larochelle and Adams 2012 for gp; both as Optuna has them.
    """
    if seed < 0:
        raise SearchError(f"The seed must not be negative, as {seed} is.")
    if name == "grid":
        return GridSampler(space.distributions(), lines=space.grid(), seed=seed)
    if name not in SAMPLERS:
        raise SearchError(f"There is no sampler {name!r}; {did_you_mean(name, SAMPLER_NAMES)}")
    return SeededByTrial(SAMPLERS[name], seed=seed)


def make_pruner(name: str, *, epochs: int) -> BasePruner:
    """Make what ends trials early.

    Args:
        name: One of `PRUNER_NAMES`. `median` ends a trial that is worse than the median of those before it at the same
            epoch, once five have finished and in no trial's first quarter. `halving` lets the best third go on after a
            ninth and after a third of the epochs.
        epochs: Of a whole trial.

    Raises:
        SearchError: There is no such pruner.

    Source: Golovin et al. 2017 for the median; Li et al. 2020, arXiv 1810.05934, for asynchronous halving.
    """
    if name == "median":
        return MedianPruner(n_startup_trials=5, n_warmup_steps=epochs // 4)
    if name == "halving":
        return SuccessiveHalvingPruner(min_resource=max(1, epochs // 9), reduction_factor=3)
    if name == "none":
        return NopPruner()
    raise SearchError(f"There is no pruner {name!r}; {did_you_mean(name, PRUNER_NAMES)}")


class SeededByTrial(BaseSampler):
    """One of Optuna's samplers, made anew with a seed of its own for every trial.

    Args:
        make: Gives a sampler for a seed.
        seed: Of the study.

    """

    def __init__(self, make: Callable[[int], BaseSampler], *, seed: int) -> None:
        self._make = make
        self._seed = seed
        self._sampler = make(seed)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Take the trial's own seed; see Optuna."""
        own = int(np.random.SeedSequence([self._seed, trial.number]).generate_state(1)[0])
        self._sampler = self._make(own)
        self._sampler.before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Ask the sampler; see Optuna."""
        return self._sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Ask the sampler; see Optuna."""
        return self._sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:  # noqa: ANN401  # as Optuna declares it
        """Ask the sampler; see Optuna."""
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Tell the sampler; see Optuna."""
        self._sampler.after_trial(study, trial, state, values)


def plain_parameters(parameters: Mapping[str, Any]) -> str:
    """Write parameters in one line."""
    return ", ".join(
        f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}" for key, value in parameters.items()
    )
