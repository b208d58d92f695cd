"""Sets runs up for tests: real data, network and optimiser, a clock of its own and a stop after so many steps."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import torch
from lightning_fabric import Fabric

from training.data.splits import Splits
from training.experiment import Experiment, RunFolder
from training.learning.fit import Fit
from training.learning.progress import SilentReporter


class Ticking:
    """A clock that advances by a second each time it is read."""

    def __init__(self) -> None:
        self._ticks = itertools.count()

    def __call__(self) -> float:
        """Read it."""
        return float(next(self._ticks))


def _stop_after(steps: int | None) -> Callable[[], bool]:
    asked = itertools.count(1)
    return lambda: steps is not None and next(asked) >= steps


def fit_of(
    fabric: Fabric,
    splits: Splits,
    what: Experiment,
    runs_dir: Path,
    *,
    stop_after: int | None = None,
) -> Fit:
    """Set a run up that stops after so many steps, or never."""
    return Fit.set_up(
        fabric,
        experiment=what,
        splits=splits,
        folder=RunFolder.of(what, runs_dir=runs_dir),
        reporter=SilentReporter(),
        wants_to_stop=_stop_after(stop_after),
        clock=Ticking(),
    )


def weights_of(fit: Fit) -> dict[str, torch.Tensor]:
    """Copy the weights of a run's network."""
    return {name: tensor.clone() for name, tensor in fit.state.network.state_dict().items()}


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Compare weights to the bit."""
    return one.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in one.items())
