"""Pictures, portion by portion, as the loop wants them, whether they lie in memory or are decoded on the way.

What a batch holds is a function of seed, epoch and step alone. So a run continues in the middle of an epoch without
having kept any state of a loader, and several processes share one batch: each takes its part of it.

Axes: N pictures of a batch, C channels, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import interpolate

from service.artifact import Input
from training.augmentation import augmented, covered, mixed
from training.data.pictures import PictureSource
from training.data.preprocessing import normalized
from training.recipe import Augmentation

Batch = tuple[torch.Tensor, torch.Tensor]
_VALIDATION_BATCH = 1000
_VALIDATION_VALUES = 10_000_000  # 66 pictures of 224x224 in colour: what a network keeps of each takes far more room


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of every batch this process works on.

    Args:
        rank: Number of this process, from 0.
        world_size: Number of processes.

    """

    rank: int = 0
    world_size: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingBatches:
    """The training pictures in a new random order every epoch; what does not fill a batch waits for another epoch.

    Args:
        pictures: Delivered to the device of the network.
        spec: The network's input.
        augmentation: How pictures vary.
        batch_size: Pictures per step, over all processes; divisible by their number.
        seed: Of the run.
        share: Part of this process.
        num_classes: K.
        sides: Height and width of the pictures in each epoch; empty where they are always those of the input.

    """

    pictures: PictureSource
    spec: Input
    augmentation: Augmentation
    batch_size: int
    seed: int
    share: Share
    num_classes: int
    sides: tuple[int, ...] = ()

    @property
    def steps(self) -> int:
        """Updates per epoch."""
        return len(self.pictures) // self.batch_size

    def of_epoch(self, epoch: int, *, first_step: int = 0) -> Iterator[Batch]:
        """Give the batches of an epoch from a step on: images_NCHW, and targets_N or, where mixed, shares_NK."""
        order = torch.randperm(len(self.pictures), generator=_chance(self.seed, epoch))
        steps, size = range(first_step, self.steps), self.batch_size
        plan = [order[step * size : (step + 1) * size] for step in steps]
        mine = slice(self.share.rank, None, self.share.world_size)
        for step, chosen_N, pixels_NCHW in zip(steps, plan, self.pictures.portions(plan), strict=True):
            targets_N = self.pictures.labels_N[chosen_N.to(self.pictures.labels_N.device)]
            images_NCHW, targets = self._varied(pixels_NCHW, targets_N, chance=_chance(self.seed, epoch, step))
            yield self._sized(images_NCHW[mine], epoch=epoch), targets[mine]

    def _varied(self, pixels_NCHW: torch.Tensor, targets_N: torch.Tensor, *, chance: torch.Generator) -> Batch:
        """Vary and normalise the pictures of a whole batch, so that every process draws the same numbers."""
        recipe = self.augmentation
        pixels_NCHW = augmented(pixels_NCHW, recipe=recipe, chance=chance)
        images_NCHW = covered(normalized(pixels_NCHW, spec=self.spec), recipe=recipe, chance=chance)
        return mixed(images_NCHW, targets_N, recipe=recipe, num_classes=self.num_classes, chance=chance)

    def _sized(self, images_NCHW: torch.Tensor, *, epoch: int) -> torch.Tensor:
        side = self.sides[epoch] if self.sides else images_NCHW.shape[3]
        if side == images_NCHW.shape[3]:
            return images_NCHW
        return interpolate(images_NCHW, size=(side, side), mode="bilinear", antialias=True)


def validation_batches(pictures: PictureSource, *, spec: Input, share: Share) -> Iterator[Batch]:
    """Give every picture once, as it is, in order; several processes divide them among themselves."""
    size = max(1, min(_VALIDATION_BATCH, _VALIDATION_VALUES // (spec.channels * spec.height * spec.width)))
    mine_M = torch.arange(share.rank, len(pictures), share.world_size)
    plan = [mine_M[start : start + size] for start in range(0, len(mine_M), size)]
    for chosen_N, pixels_NCHW in zip(plan, pictures.portions(plan), strict=True):
        yield normalized(pixels_NCHW, spec=spec), pictures.labels_N[chosen_N.to(pictures.labels_N.device)]


def _chance(*numbers: int) -> torch.Generator:
    """Make a generator whose stream belongs to these numbers and to no others."""
    (state,) = np.random.SeedSequence(numbers).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state))
