"""One run from the first weights to the last: epochs, validation, the best weights kept, the state saved.

Knows the loop and checkpoints; neither data sets nor ONNX nor publication. The order of the steps of an epoch stands in
`loop.py`, what a checkpoint holds in `run_state.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import nn

from training.data.pictures import PictureSource
from training.data.splits import Splits
from training.durable import write_durably
from training.errors import InterruptedRunError
from training.experiment import Experiment, RunFolder
from training.learning.batches import TrainingBatches, validation_batches
from training.learning.checkpoints import read_checkpoint, write_checkpoint
from training.learning.devices import compiled, share_buffers, sum_over_processes
from training.learning.history import EpochRecord, as_csv, best_of
from training.learning.ingredients import average_for, first_network, training_batches, update_of
from training.learning.loop import Totals, Update, evaluate, train_one_epoch
from training.learning.optimization import make_optimizer, make_schedule
from training.learning.run_state import Place, RunState, identity_of, weights_only
from training.recipe_file import recipe_tables

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_STEPS_BETWEEN_VOTES = 10  # processes agree on stopping over the network, which is too slow for every step


class Reporter(Protocol):
    """Who is told how a run goes."""

    def epoch_begins(self, epoch: int, *, epochs: int, steps: int, first_step: int, batch_size: int) -> None:
        """An epoch, counted from 1, starts or goes on at a step."""

    def step_done(self, totals: Totals) -> None:
        """One update more; `totals` are the sums of the epoch so far."""

    def epoch_ends(self, record: EpochRecord, *, best: bool) -> None:
        """An epoch and its validation are done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A run that is set up; `run` does it.

    Args:
        experiment: Recipe and seed.
        splits: Its pictures.
        validation: The validation pictures on the device.
        folder: Where checkpoints and the log go.
        state: Network, optimiser and place.
        network: The network as the fabric wraps it.
        optimizer: The optimiser as the fabric wraps it.
        batches: The training pictures in portions.
        learning_rate: By step of the whole run.
        update: How a batch becomes a step.
        reporter: Told how it goes.
        wants_to_stop: Asked after every step.
        clock: Seconds that never go back.

    """

    experiment: Experiment
    splits: Splits
    validation: PictureSource
    folder: RunFolder
    state: RunState
    network: nn.Module
    optimizer: torch.optim.Optimizer
    batches: TrainingBatches
    learning_rate: Callable[[int], float]
    update: Update
    reporter: Reporter
    wants_to_stop: Callable[[], bool]
    clock: Callable[[], float]

    @classmethod
    def set_up(
        cls,
        fabric: Fabric,
        *,
        experiment: Experiment,
        splits: Splits,
        folder: RunFolder,
        reporter: Reporter,
        wants_to_stop: Callable[[], bool],
        clock: Callable[[], float],
    ) -> Fit:
        """Build network, optimiser and batches from recipe and seed.

        Raises:
            RecipeError: The recipe does not fit the pictures or the number of processes.

        """
        recipe = experiment.recipe
        torch.manual_seed(experiment.seed)
        bare_network = first_network(recipe, splits=splits)
        layer_factor = recipe.start.layer_factor if recipe.start else 1.0
        bare_optimizer = make_optimizer(bare_network, recipe=recipe.optimizer, layer_factor=layer_factor)
        network, optimizer = fabric.setup(
            compiled(bare_network, device=fabric.device) if recipe.training.compile else bare_network, bare_optimizer
        )
        batches = training_batches(fabric, experiment=experiment, splits=splits)
        torch.manual_seed(experiment.seed + fabric.global_rank)  # each process drops out other units
        return cls(
            experiment=experiment,
            splits=splits,
            validation=splits.validation.to(fabric.device),
            folder=folder,
            state=RunState(
                fabric,
                bare_network,
                bare_optimizer,
                Place(Totals.empty(fabric.device)),
                average_for(bare_network, recipe),
            ),
            network=network,
            optimizer=optimizer,
            batches=batches,
            learning_rate=make_schedule(
                recipe.schedule,
                peak=recipe.optimizer.learning_rate,
                total_steps=batches.steps * recipe.training.epochs,
            ),
            update=update_of(recipe, splits=splits, device=fabric.device),
            reporter=reporter,
            wants_to_stop=wants_to_stop,
            clock=clock,
        )

    def run(self, *, resume: bool) -> list[EpochRecord]:
        """Train to the last epoch.

        Args:
            resume: Continue from the last checkpoint instead of starting over.

        Returns:
            One record per epoch.

        Raises:
            CheckpointError: There is nothing to resume, or it is of another run.
            InterruptedRunError: `wants_to_stop` ended the run; its state is saved.

        """
        if resume:
            checkpoint = read_checkpoint(self.folder.last)
            self.state.restore(checkpoint, identity=self._identity(), source=self.folder.last)
        else:
            self._begin()
        place, epochs = self.state.place, self.experiment.recipe.training.epochs
        while place.epoch < epochs and not self._has_no_patience_left():
            stopped = not self._train_epoch()
            if place.step == self.batches.steps:
                self._finish_epoch()
            self._save_last()
            if stopped:
                raise InterruptedRunError(
                    f"Stopped after {place.epoch} of {epochs} epochs and {place.step} steps; the state is saved."
                )
        return place.history

    def _has_no_patience_left(self) -> bool:
        patience, place = self.experiment.recipe.training.patience, self.state.place
        if patience is None or not place.history:
            return False
        return place.epoch - best_of(place.history).epoch >= patience

    def _begin(self) -> None:
        if self.state.fabric.is_global_zero:
            self.folder.clear()
            tables = json.dumps(recipe_tables(self.experiment.recipe), indent=2) + "\n"
            write_durably(self.folder.recipe, tables.encode())

    def _train_epoch(self) -> bool:
        """Train for the rest of the epoch under way; False where a stop was asked for."""
        place, batches = self.state.place, self.batches
        first_of_epoch = place.epoch * batches.steps
        self.reporter.epoch_begins(
            place.epoch + 1,
            epochs=self.experiment.recipe.training.epochs,
            steps=batches.steps,
            first_step=place.step,
            batch_size=batches.batch_size,
        )
        started_s = self.clock()
        completed = train_one_epoch(
            self.state.fabric,
            self.network,
            self.optimizer,
            batches=batches.of_epoch(place.epoch, first_step=place.step),
            learning_rates=(self.learning_rate(first_of_epoch + step) for step in range(place.step, batches.steps)),
            update=self.update,
            totals=place.totals,
            should_stop=self._after_step,
        )
        place.epoch_s += self.clock() - started_s
        return completed

    def _after_step(self) -> bool:
        """Count the step; answer whether all processes stop here."""
        place, fabric = self.state.place, self.state.fabric
        place.step += 1
        if self.state.average is not None:
            self.state.average.update_parameters(self.state.network)
        self.reporter.step_done(place.totals)
        if fabric.world_size == 1:
            return self.wants_to_stop()
        if place.step % _STEPS_BETWEEN_VOTES and place.step < self.batches.steps:
            return False
        vote = torch.tensor(float(self.wants_to_stop()), device=fabric.device)
        return bool(sum_over_processes(fabric, vote) > 0)

    def _finish_epoch(self) -> None:
        """Validate, write the epoch down, keep the weights if they are the best so far."""
        record = self._record()
        place = self.state.place
        place.history.append(record)
        place.totals, place.step, place.epoch_s = Totals.empty(self.state.fabric.device), 0, 0.0
        is_best = best_of(place.history) is record
        if is_best and self.state.fabric.is_global_zero:
            weights = weights_only(self.state.judged, identity=self._identity(), record=record)
            write_checkpoint(self.folder.best, weights)
        self.reporter.epoch_ends(record, best=is_best)

    def _record(self) -> EpochRecord:
        place, fabric, batches = self.state.place, self.state.fabric, self.batches
        started_s = self.clock()
        validation = Totals.empty(fabric.device)
        share_buffers(fabric, self.state.judged)
        with fabric.autocast():
            evaluate(
                self.state.judged,
                batches=validation_batches(self.validation, spec=self.splits.spec, share=batches.share),
                totals=validation,
            )
        training_loss, training_error = _means(fabric, place.totals)
        validation_loss, validation_error = _means(fabric, validation)
        return EpochRecord(
            epoch=place.epoch + 1,
            learning_rate=self.learning_rate((place.epoch + 1) * batches.steps - 1),
            training_loss=training_loss,
            training_error=training_error,
            validation_loss=validation_loss,
            validation_error=validation_error,
            seconds=place.epoch_s + self.clock() - started_s,
            pictures_per_s=batches.steps * batches.batch_size / max(place.epoch_s, 1e-9),
        )

    def _save_last(self) -> None:
        checkpoint = self.state.capture(identity=self._identity())
        if self.state.fabric.is_global_zero:
            write_checkpoint(self.folder.last, checkpoint)
            write_durably(self.folder.log, as_csv(self.state.place.history))

    def _identity(self) -> dict[str, Any]:
        """Name what must be the same for a checkpoint to be continued."""
        fabric = self.state.fabric
        return {
            **identity_of(self.experiment, splits=self.splits),
            "processes": fabric.world_size,
            "precision": str(fabric.strategy.precision.precision),
        }


def _means(fabric: Fabric, totals: Totals) -> tuple[float, float]:
    """Give mean loss and error over the pictures of all processes."""
    loss, wrong, seen = (sum_over_processes(fabric, total).item() for total in (totals.loss, totals.wrong, totals.seen))
    return loss / seen, wrong / seen
