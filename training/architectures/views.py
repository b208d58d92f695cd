"""Several looks at each picture, whose logits are averaged: as it is, mirrored, moved a little.

Source: K. Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024, arXiv 2404.00498.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812  its usual name
from torch import Tensor, nn

from training.architectures.blocks import TrainingOutput


class ViewAverage(nn.Module):
    """A network that looks at each picture several times, and answers with the mean of the logits.

    While training, every picture is seen once, as it is. Afterwards, and so in every export, each costs `views` looks.

    Args:
        network: maps images_NCHW to logits_NK.
        mirror: look at the mirror image of each view too.
        shift_pixels: look also at the picture moved by so many pixels up and to the left, and down and to the right;
            what moves in at the edge mirrors the picture. These two weigh half as much as the picture in its place.
    """

    def __init__(self, network: nn.Module, *, mirror: bool = True, shift_pixels: int = 0) -> None:
        super().__init__()
        self.network = network
        self.mirror = mirror
        self.shift_pixels = shift_pixels

    @property
    def views(self) -> int:
        """Number of looks at each picture."""
        return (3 if self.shift_pixels else 1) * (2 if self.mirror else 1)

    def forward(self, images_NCHW: Tensor) -> Tensor | TrainingOutput:
        """Compute logits_NK, or whatever the network gives while it trains."""
        if self.training:
            outputs: Tensor | TrainingOutput = self.network(images_NCHW)
            return outputs
        views = self._shifted(images_NCHW)
        if self.mirror:
            views = [one for view in views for one in (view, view.flip(3))]
        logits_MK: Tensor = self.network(torch.cat(views))
        # `chunk` and `len` would make an export take the batch size it was traced with for the only one
        logits_VNK = logits_MK.reshape(len(views), images_NCHW.shape[0], -1)
        if not self.shift_pixels:
            return logits_VNK.mean(dim=0)
        in_place, moved = logits_VNK[: len(views) // 3], logits_VNK[len(views) // 3 :]
        return (in_place.mean(dim=0) + moved.mean(dim=0)) / 2

    def _shifted(self, images_NCHW: Tensor) -> list[Tensor]:
        if not self.shift_pixels:
            return [images_NCHW]
        height, width = images_NCHW.shape[2:]
        twice = 2 * self.shift_pixels
        framed = F.pad(images_NCHW, (self.shift_pixels,) * 4, mode="reflect")
        return [images_NCHW, framed[:, :, twice:, twice:], framed[:, :, :height, :width]]
