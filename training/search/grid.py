"""Every combination of the values of a grid, each once, in an order drawn by seed.

Optuna's own grid draws among the points that are left by chance, so that workers who ask at the same time may get the
same one. Here a trial's number says where it starts to look, so they do not. The order is shuffled, so that the first
trials of a grid too large to finish lie all over it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from training.search.errors import SearchError

MOST_POINTS = 100_000  # more would take years to train and seconds to shuffle


class GridSampler(BaseSampler):
    """Gives each trial a point that no other has.

    Args:
        distributions: Of each key.
        lines: The values of each key, in the same order.
        seed: Of the order of points.

    Raises:
        SearchError: The grid has more than `MOST_POINTS`.

    """

    def __init__(self, distributions: Mapping[str, BaseDistribution], *, lines: Sequence[list[Any]], seed: int) -> None:
        self._distributions = dict(distributions)
        self._lines = lines
        self.size = math.prod(len(line) for line in lines)
        if self.size > MOST_POINTS:
            raise SearchError(f"The grid has {self.size:,} points; take fewer steps, or another sampler.")
        self._order = list(range(self.size))
        random.Random(seed).shuffle(self._order)  # noqa: S311  # an order, no secret

    def left(self, study: Study) -> int:
        """Count the points that no trial has taken."""
        return self.size - len(self._taken(study, but=None))

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Claim all keys; see Optuna."""
        del study, trial
        return self._distributions

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Give the first free point from the trial's own place on; see Optuna."""
        del search_space
        taken = self._taken(study, but=trial.number)
        for offset in range(self.size):
            point = self._order[(trial.number + offset) % self.size]
            if point not in taken:
                return self._parameters(point)
        return self._parameters(self._order[trial.number % self.size])  # all are: a worker elsewhere was quicker

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:  # noqa: ANN401  # as Optuna declares it
        """Refuse: every key of a grid has its values; see Optuna."""
        del study, trial, param_distribution
        raise AssertionError(f"{param_name} is no key of the grid")

    def _taken(self, study: Study, *, but: int | None) -> set[int]:
        points = (
            self._point(trial.params)
            for trial in study.get_trials(deepcopy=False)
            if trial.number != but and trial.params.keys() == self._distributions.keys()
        )
        return {point for point in points if point is not None}

    def _point(self, parameters: Mapping[str, Any]) -> int | None:
        """Number a point; None where the values are none of the grid."""
        number = 0
        for key, line in zip(self._distributions, self._lines, strict=True):
            places = [place for place, value in enumerate(line) if _same(value, parameters[key])]
            if not places:
                return None
            number = number * len(line) + places[0]
        return number

    def _parameters(self, point: int) -> dict[str, Any]:
        parameters = {}
        for key, line in reversed(list(zip(self._distributions, self._lines, strict=True))):
            point, place = divmod(point, len(line))
            parameters[key] = line[place]
        return parameters


def _same(one: object, other: object) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)  # True equals 1 in Python
