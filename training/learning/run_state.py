"""Everything that a run needs to go on as if it had never stopped, gathered into a checkpoint and put back.

These are: weights, the optimiser's state, the precision's loss scale, the state of every random generator in use, the
place in the run, and the sums of the epoch that was broken off. Batches, augmentation and learning rates are not among
them, because they are functions of seed, epoch and step.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from training.errors import CheckpointError
from training.experiment import Experiment
from training.learning.checkpoints import Checkpoint, Tensors, pack_optimizer, prefixed, unpack_optimizer
from training.learning.devices import gather_over_processes, precision_state, restore_precision
from training.learning.history import EpochRecord
from training.learning.loop import Totals
from training.learning.network import NORMALIZATION, WEIGHTS, fill_network
from training.recipe_file import recipe_tables

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from training.data.splits import Splits

AVERAGE = "average"


@dataclass(slots=True)
class Place:
    """How far a run has come.

    Args:
        totals: Sums of the epoch under way, of this process.
        step: Steps done in the epoch under way.
        epoch_s: Seconds spent in the epoch under way.
        history: The epochs done.

    """

    totals: Totals
    step: int = 0
    epoch_s: float = 0.0
    history: list[EpochRecord] = field(default_factory=list)

    @property
    def epoch(self) -> int:
        """Number of epochs done, and so the index of the one under way."""
        return len(self.history)


@dataclass(frozen=True, slots=True)
class RunState:
    """The parts of a run that change.

    Args:
        fabric: Device, precision and processes.
        network: The bare network, whose weights the fabric's wrapper shares.
        optimizer: The bare optimiser, likewise.
        place: How far the run has come.
        average: Running mean of the weights, where the recipe wants one.

    """

    fabric: Fabric
    network: nn.Module
    optimizer: torch.optim.Optimizer
    place: Place
    average: AveragedModel | None = None

    @property
    def judged(self) -> nn.Module:
        """The network that is validated, kept and exported."""
        return self.network if self.average is None else self.average.module

    def capture(self, *, identity: dict[str, Any]) -> Checkpoint:
        """Gather the state; every process must call this, and each gets the same.

        Args:
            identity: What a checkpoint must agree in to be continued from; JSON.

        """
        optimizer_tensors, optimizer_facts = pack_optimizer(self.optimizer)
        totals = self.place.totals
        everyone = {
            "random": self._random_state(),
            "sums": torch.stack([totals.loss, totals.wrong.to(totals.loss), totals.seen.to(totals.loss)]),
        }
        gathered = {name: gather_over_processes(self.fabric, tensor) for name, tensor in everyone.items()}
        return Checkpoint(
            tensors={
                **prefixed(WEIGHTS, self.network.state_dict()),
                **prefixed("optimizer", optimizer_tensors),
                **prefixed("process", gathered),
                **(prefixed(AVERAGE, self.average.state_dict()) if self.average is not None else {}),
            },
            facts={
                "identity": identity,
                "optimizer": optimizer_facts,
                "precision": precision_state(self.fabric),
                "step": self.place.step,
                "epoch_s": self.place.epoch_s,
                "history": [dataclasses.asdict(record) for record in self.place.history],
            },
        )

    def restore(self, checkpoint: Checkpoint, *, identity: dict[str, Any], source: Path) -> None:
        """Put a captured state back.

        Raises:
            CheckpointError: It was captured in another run; the text names the first differences.

        """
        require_same(identity, checkpoint.facts.get("identity", {}), source=source)
        fill_network(self.network, checkpoint.part(WEIGHTS), source=source)
        if self.average is not None:
            fill_network(self.average, checkpoint.part(AVERAGE), source=source)
        unpack_optimizer(self.optimizer, checkpoint.part("optimizer"), checkpoint.facts["optimizer"])
        restore_precision(self.fabric, checkpoint.facts["precision"])
        self._restore_random_state(checkpoint.part("process")["random"])
        place, totals = self.place, self.place.totals
        place.step, place.epoch_s = checkpoint.facts["step"], checkpoint.facts["epoch_s"]
        place.history[:] = [EpochRecord(**record) for record in checkpoint.facts["history"]]
        sums = checkpoint.part("process")["sums"][self.fabric.global_rank]
        for total, value in zip((totals.loss, totals.wrong, totals.seen), sums, strict=True):
            total.fill_(value.item())

    def _random_state(self) -> torch.Tensor:
        """Join the states of the generators that a network may draw from while it trains."""
        states = [torch.get_rng_state()]
        if self.fabric.device.type == "cuda":
            states.append(torch.cuda.get_rng_state(self.fabric.device))
        return torch.cat(states).to(self.fabric.device)

    def _restore_random_state(self, states: torch.Tensor) -> None:
        state = states[self.fabric.global_rank].cpu()
        length = len(torch.get_rng_state())
        torch.set_rng_state(state[:length].clone())
        if self.fabric.device.type == "cuda":
            torch.cuda.set_rng_state(state[length:].clone(), self.fabric.device)


def weights_only(network: nn.Module, *, identity: dict[str, Any], record: EpochRecord) -> Checkpoint:
    """Gather what an export needs: the weights, and which epoch they are of."""
    weights: Tensors = prefixed(WEIGHTS, network.state_dict())
    return Checkpoint(weights, {"identity": identity, "record": dataclasses.asdict(record)})


def identity_of(experiment: Experiment, *, splits: Splits) -> dict[str, Any]:
    """Name what makes a run this run and no other: recipe, seed, pictures, and how they become inputs."""
    steps = splits.spec.preprocessing
    return {
        **recipe_tables(experiment.recipe, defaults=False),
        "export": None,  # what comes after the training can be done anew, and otherwise
        "publication": None,
        "seed": experiment.seed,
        "data fingerprint": splits.fingerprint,
        NORMALIZATION: {"mean": list(steps.mean), "std": list(steps.std)},
    }


def require_same(mine: dict[str, Any], found: dict[str, Any], *, source: Path) -> None:
    """Compare what two runs are.

    Raises:
        CheckpointError: They differ; the text names the first differences.

    """
    here, there = _flat(mine), _flat(found)
    differences = [
        f"{key} is {there.get(key)!r} there and {here.get(key)!r} here"
        for key in sorted(here.keys() | there.keys())
        if here.get(key) != there.get(key)
    ]
    if differences:
        raise CheckpointError(
            f"{source} belongs to another run: {'; '.join(differences[:3])}. Repeat what that run was started with, or "
            "start over with --restart."
        )


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Write nested tables as one, with dotted keys."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
