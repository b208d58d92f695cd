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
from torch.nn.functional import cross_entropy

from training.batches import Batch
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

    def add(self, loss: torch.Tensor, logits_NK: torch.Tensor, targets_N: torch.Tensor) -> None:
        """Count a batch; `loss` is its mean."""
        self.loss += loss.detach() * len(targets_N)
        self.wrong += (logits_NK.detach().argmax(dim=1) != targets_N).sum()
        self.seen += len(targets_N)


def train_one_epoch(
    fabric: Accelerator,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    batches: Iterable[Batch],
    learning_rates: Iterable[float],
    label_smoothing: float,
    totals: Totals,
    should_stop: Callable[[], bool],
) -> bool:
    """Show the network every batch once and let it learn from each.

    Args:
        fabric: Runs the backward pass.
        network: Maps images_NCHW to logits_NK.
        optimizer: Holds the weights of the network.
        batches: (images_NCHW, targets_N) on the device of the network.
        learning_rates: One per batch.
        label_smoothing: Share of the target that goes to all classes alike.
        totals: Sums that every batch is added to.
        should_stop: Asked after every update.

    Returns:
        True at the end of the epoch, False where `should_stop` ended it early.

    """
    network.train()
    for (images_NCHW, targets_N), learning_rate in zip(batches, learning_rates, strict=True):
        logits_NK = network(images_NCHW)  # forward
        loss = cross_entropy(logits_NK, targets_N, label_smoothing=label_smoothing)  # loss
        optimizer.zero_grad()
        fabric.backward(loss)  # backward
        set_learning_rate(optimizer, learning_rate)
        optimizer.step()  # update
        totals.add(loss, logits_NK, targets_N)
        if should_stop():
            return False
    return True


@torch.inference_mode()
def evaluate(network: nn.Module, *, batches: Iterable[Batch], totals: Totals) -> None:
    """Count loss and errors on pictures without learning from them."""
    network.eval()
    for images_NCHW, targets_N in batches:
        logits_NK = network(images_NCHW)
        totals.add(cross_entropy(logits_NK, targets_N), logits_NK, targets_N)
