"""The network as it is exported: with the views and the temperature that its recipe asks for."""

from __future__ import annotations

import torch
from torch import nn

from training.architectures import ViewAverage
from training.data.pictures import PictureSource
from training.data.preprocessing import normalized
from training.data.splits import Splits
from training.publication.temperature import fit_temperature
from training.recipe import Recipe

_PORTION = 250  # pictures at once, so that what the layers keep of them stays small


def with_views(network: nn.Module, *, recipe: Recipe) -> nn.Module:
    """Let a trained network look at each picture as often as its export asks for.

    Args:
        network: As `load_network` gives it, ready to be evaluated.
        recipe: Of the run.

    """
    shift_pixels = recipe.export.shift_pixels
    if not shift_pixels:
        return network
    bare = network.network if isinstance(network, ViewAverage) else network
    return ViewAverage(bare, mirror=recipe.network.mirror_average, shift_pixels=shift_pixels).eval()


def temperature_of(network: nn.Module, *, splits: Splits) -> float:
    """Fit the temperature of a network on the validation pictures.

    Args:
        network: On the CPU, with all its views, ready to be evaluated.
        splits: Of the run.

    """
    logits_NK = _logits(network, splits.validation, splits=splits)
    return fit_temperature(logits_NK.numpy(), splits.validation.labels_N.cpu().numpy())


def _logits(network: nn.Module, pictures: PictureSource, *, splits: Splits) -> torch.Tensor:
    plan = torch.split(torch.arange(len(pictures)), _PORTION)
    with torch.inference_mode():
        parts = [network(normalized(pixels_MCHW.cpu(), spec=splits.spec)) for pixels_MCHW in pictures.portions(plan)]
    return torch.cat(parts)
