"""The heart of training: forward, loss, backward, update; and the same without learning, for validation.

No files, no printing, no devices: Lightning Fabric moves tensors, scales losses and averages gradients over processes.

Axes: N pictures, C channels, H rows, W columns, K classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

from training.learning.batches import Batch
from training.learning.losses import Loss, logits_of
from training.learning.optimization import set_learning_rate


class Accelerator(Protocol):
    """What the loop asks of Lightning Fabric, which takes only what it has wrapped itself: hence `Any`."""

    def backward(self, tensor: torch.Tensor) -> None:
        """Compute the gradients of a loss."""

    def no_backward_sync(self, module: Any, *, enabled: bool) -> AbstractContextManager[None]:  # noqa: ANN401  see above
        """Leave gradients on each process where enabled, because another portion is still to come."""

    def clip_gradients(
        self,
        module: Any,  # noqa: ANN401  see above
        optimizer: Any,  # noqa: ANN401  see above
        *,
        max_norm: float,
        error_if_nonfinite: bool,
    ) -> torch.Tensor | None:
        """Shorten the gradient of all weights together to this length where it is longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """How one batch becomes one step.

    Args:
        loss_of: Gives the loss of outputs and targets.
        portions: Into how many parts a batch is cut, which go through the network one after the other and whose
            gradients are added up: for batches that do not fit into memory at once.
        max_gradient_norm: Length to which the gradient of all weights together is shortened; None for any.

    """

    loss_of: Loss
    portions: int = 1
    max_gradient_norm: float | None = None


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
    update: Update,
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
        update: How each becomes a step.
        totals: Sums that every batch is added to.
        should_stop: Asked after every update.

    Returns:
        True at the end of the epoch, False where `should_stop` ended it early.

    """
    network.train()
    for batch, learning_rate in zip(batches, learning_rates, strict=True):
        optimizer.zero_grad()
        for images_NCHW, targets, share, is_last in _portions(batch, count=update.portions):
            with fabric.no_backward_sync(network, enabled=not is_last):
                outputs = network(images_NCHW)  # forward
                loss = update.loss_of(outputs, targets)  # loss
                fabric.backward(loss * share)  # backward
            totals.add(loss, logits_of(outputs), targets)
        if update.max_gradient_norm is not None:
            # 16-mixed meets infinite gradients on purpose, and its scaler leaves such a step out
            fabric.clip_gradients(network, optimizer, max_norm=update.max_gradient_norm, error_if_nonfinite=False)
        set_learning_rate(optimizer, learning_rate)
        optimizer.step()  # update
        if should_stop():
            return False
    return True


def _portions(batch: Batch, *, count: int) -> Iterator[tuple[torch.Tensor, torch.Tensor, float, bool]]:
    """Cut a batch up: images_NCHW, targets, share of the batch, whether it is the last portion."""
    images_NCHW, targets = batch
    sizes = [len(part) for part in targets.chunk(count)]
    for number, (images, wanted) in enumerate(
        zip(torch.split(images_NCHW, sizes), torch.split(targets, sizes), strict=True), 1
    ):
        yield images, wanted, len(wanted) / len(targets), number == len(sizes)


@torch.inference_mode()
def evaluate(network: nn.Module, *, batches: Iterable[Batch], totals: Totals) -> None:
    """Count loss and errors on pictures without learning from them."""
    network.eval()
    loss_of = Loss()
    for images_NCHW, targets_N in batches:
        logits_NK = network(images_NCHW).float()
        totals.add(loss_of(logits_NK, targets_N), logits_NK, targets_N)
