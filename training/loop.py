"""The heart of training: forward, loss, backward, update; and the same without learning, for validation.

No files, no printing, no devices: Lightning Fabric moves tensors, scales losses and averages gradients over processes.

Axes: N pictures, C channels, H rows, W columns, K classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

from training.batches import Batch
from training.losses import Loss, logits_of
from training.optimization import set_learning_rate


class Accelerator(Protocol):
    """What the loop asks of Lightning Fabric."""

    def backward(self, tensor: torch.Tensor) -> None:
        """Compute the gradients of a loss."""


@dataclass(slots=True)
class Totals:
    """Running sums over pictures, kept on the device so that adding to them waits for nothing.

    Args:
        loss: Sum of the losses of all pictures, float64 where the device has it.
        wrong: Number of pictures whose highest logit is of another class.
        seen: Number of pictures.

    """

    loss: torch.Tensor
    wrong: torch.Tensor
    seen: torch.Tensor

    @classmethod
    def empty(cls, device: torch.device) -> Totals:
        """Start at zero."""
        real = torch.float32 if device.type == "mps" else torch.float64
        count = torch.zeros((), dtype=torch.int64, device=device)
        return cls(torch.zeros((), dtype=real, device=device), count, count.clone())

    def add(self, loss: torch.Tensor, logits_NK: torch.Tensor, targets: torch.Tensor) -> None:
        """Count a batch; `loss` is its mean. Targets may be shares of the classes_NK, whose largest then counts."""
        classes_N = targets.argmax(dim=1) if targets.ndim > 1 else targets
        self.loss += loss.detach() * len(classes_N)
        self.wrong += (logits_NK.detach().argmax(dim=1) != classes_N).sum()
        self.seen += len(classes_N)


def train_one_epoch(
    fabric: Accelerator,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    batches: Iterable[Batch],
    learning_rates: Iterable[float],
    loss_of: Loss,
    totals: Totals,
    should_stop: Callable[[], bool],
) -> bool:
    """Show the network every batch once and let it learn from each.

    Args:
        fabric: Runs the backward pass.
        network: Maps images_NCHW to logits_NK, or to a `TrainingOutput` where it has auxiliary heads.
        optimizer: Holds the weights of the network.
        batches: (images_NCHW, targets_N) on the device of the network.
        learning_rates: One per batch.
        loss_of: Gives the loss of outputs and targets.
        totals: Sums that every batch is added to.
        should_stop: Asked after every update.

    Returns:
        True at the end of the epoch, False where `should_stop` ended it early.

    """
    network.train()
    for (images_NCHW, targets), learning_rate in zip(batches, learning_rates, strict=True):
        outputs = network(images_NCHW)  # forward
        loss = loss_of(outputs, targets)  # loss
        optimizer.zero_grad()
        fabric.backward(loss)  # backward
        set_learning_rate(optimizer, learning_rate)
        optimizer.step()  # update
        totals.add(loss, logits_of(outputs), targets)
        if should_stop():
            return False
    return True


@torch.inference_mode()
def evaluate(network: nn.Module, *, batches: Iterable[Batch], totals: Totals) -> None:
    """Count loss and errors on pictures without learning from them."""
    network.eval()
    loss_of = Loss()
    for images_NCHW, targets_N in batches:
        logits_NK = network(images_NCHW).float()
        totals.add(loss_of(logits_NK, targets_N), logits_NK, targets_N)
