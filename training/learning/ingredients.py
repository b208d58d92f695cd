"""What a run is made of, each from its recipe and its pictures: first network, batches, update, mean of weights.

Nothing here changes while the run goes on; `fit.py` does that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from training.data.preprocessing import normalized
from training.data.splits import Splits
from training.errors import RecipeError
from training.experiment import Experiment
from training.learning.averaging import average_of
from training.learning.batches import TrainingBatches
from training.learning.devices import share_of
from training.learning.loop import Update
from training.learning.losses import Loss
from training.learning.network import build_network, needs_pictures, start_from_pictures
from training.learning.starting import find_weights, freeze, read_weights, start_network
from training.recipe import Recipe

if TYPE_CHECKING:
    from lightning_fabric import Fabric

_PICTURES_TO_START = 5000  # enough for the statistics of small patches


def first_network(recipe: Recipe, *, splits: Splits) -> nn.Module:
    """Build the network with its first weights: random, made from pictures, or trained before.

    Raises:
        RecipeError: There is no such architecture.
        CheckpointError: The weights to start from are missing or of another architecture.

    """
    network = build_network(recipe, num_classes=len(splits.dataset.labels))
    if recipe.training.channels_last:
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in its stubs
    if needs_pictures(network):
        some_N = torch.arange(min(_PICTURES_TO_START, len(splits.training)))
        start_from_pictures(network, normalized(splits.training.take(some_N).cpu(), spec=splits.spec))
    if recipe.start is not None:
        start_network(network, read_weights(find_weights(recipe.start.weights)))
        if recipe.start.frozen:
            freeze(network)
    return network


def training_batches(fabric: Fabric, *, experiment: Experiment, splits: Splits) -> TrainingBatches:
    """Put the training pictures where the network is, in portions of the recipe's size.

    Raises:
        RecipeError: The size of a batch fits neither the pictures nor the number of processes.

    """
    recipe, share = experiment.recipe, share_of(fabric)
    batch_size, available = recipe.training.batch_size, len(splits.training)
    if batch_size % share.world_size:
        raise RecipeError(
            f"training.batch_size {batch_size} cannot be shared evenly by {share.world_size} processes; "
            f"take a multiple of {share.world_size}."
        )
    if batch_size > available:
        raise RecipeError(f"training.batch_size {batch_size} is more than the {available} training pictures.")
    return TrainingBatches(
        pictures=splits.training.to(fabric.device),
        spec=splits.spec,
        augmentation=recipe.augmentation,
        batch_size=batch_size,
        seed=experiment.seed,
        share=share,
        num_classes=len(splits.dataset.labels),
        sides=_sides(recipe),
    )


def update_of(recipe: Recipe, *, splits: Splits, device: torch.device) -> Update:
    """Say how a batch becomes a step."""
    training, classes = recipe.training, len(splits.dataset.labels)
    weights_K = None
    if training.class_weights == "balanced":
        counts_K = torch.bincount(splits.training.labels_N.cpu(), minlength=classes)
        weights_K = (len(splits.training) / (classes * counts_K.clamp(min=1))).float().to(device)
    return Update(
        loss_of=Loss(label_smoothing=training.label_smoothing, class_weights_K=weights_K),
        portions=training.portions,
        max_gradient_norm=training.max_gradient_norm,
    )


def _sides(recipe: Recipe) -> tuple[int, ...]:
    """Give the pixels per side of every epoch's pictures; nothing where they are always those of the input."""
    epochs, full = recipe.training.epochs, recipe.picture.size
    steps = ((0.0, full), *recipe.training.sizes)
    sides = tuple([side for share, side in steps if epoch >= share * epochs][-1] for epoch in range(epochs))
    return () if set(sides) == {full} else sides


def average_for(network: nn.Module, recipe: Recipe) -> AveragedModel | None:
    """Start the running mean of the weights, where the recipe wants one."""
    decay = recipe.training.average_decay
    return average_of(network, decay=decay) if decay else None
