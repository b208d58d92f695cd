"""What a network's answer to a batch costs: cross entropy, smoothed, weighted, with the heads that some networks add.

Axes: N pictures, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy

from training.architectures import TrainingOutput

Outputs = torch.Tensor | TrainingOutput


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Mean cross entropy of a batch.

    Args:
        label_smoothing: Share of the target that goes to all classes alike.
        class_weights_K: Factor of each class, on the device of the logits; None counts all alike.

    Source: label smoothing, Szegedy et al. 2015, arXiv 1512.00567.

    """

    label_smoothing: float = 0.0
    class_weights_K: torch.Tensor | None = None  # noqa: N815  # axes in the name

    def __call__(self, outputs: Outputs, targets: torch.Tensor) -> torch.Tensor:
        """Give the loss of a batch; auxiliary heads count with the weight that their network gives them.

        Args:
            outputs: Logits_NK, or what a network with auxiliary heads gives while it trains.
            targets: Class indices_N, or shares of the classes_NK where pictures were mixed.

        """
        if isinstance(outputs, TrainingOutput):
            return outputs.total(lambda logits_NK: self._of_logits(logits_NK, targets))
        return self._of_logits(outputs, targets)

    def _of_logits(self, logits_NK: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        # torch's own mean divides by the weights of the batch at hand, so that its portions would not add up to it
        losses_N = cross_entropy(
            logits_NK, targets, weight=self.class_weights_K, label_smoothing=self.label_smoothing, reduction="none"
        )
        return losses_N.mean()


def logits_of(outputs: Outputs) -> torch.Tensor:
    """Give the logits_NK of the network itself, without those of its auxiliary heads."""
    return outputs.logits if isinstance(outputs, TrainingOutput) else outputs
