"""Two pictures shown as one, and both classes asked for in the same shares: mixup and cutmix.

Axes: N pictures, C channels, H rows, W columns, K classes.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn.functional import one_hot

Batch = tuple[torch.Tensor, torch.Tensor]


def mixed_up(images_NCHW: torch.Tensor, shares_NK: torch.Tensor, *, alpha: float, chance: torch.Generator) -> Batch:
    """Lay each picture over the one before it, at one strength for the whole batch.

    Args:
        images_NCHW: Normalised.
        shares_NK: What each picture shows.
        alpha: Of the Beta distribution of the strength; small values mix little.
        chance: Source of the random numbers.

    Source: Zhang et al. 2017, arXiv 1710.09412.

    """
    kept = _beta(alpha, chance=chance)
    return _blend(images_NCHW, kept), _blend(shares_NK, kept)


def cut_and_mixed(
    images_NCHW: torch.Tensor, shares_NK: torch.Tensor, *, alpha: float, chance: torch.Generator
) -> Batch:
    """Put a rectangle of the picture before it into each picture, the same one for the whole batch.

    Args:
        images_NCHW: Normalised.
        shares_NK: What each picture shows.
        alpha: Of the Beta distribution of the area that is kept.
        chance: Source of the random numbers.

    Source: Yun et al. 2019, arXiv 1905.04899.

    """
    _, _, height, width = images_NCHW.shape
    side = math.sqrt(1 - _beta(alpha, chance=chance))
    rows, columns = _span(height, side, chance=chance), _span(width, side, chance=chance)
    images_NCHW = images_NCHW.clone()
    images_NCHW[:, :, rows, columns] = images_NCHW.roll(1, dims=0)[:, :, rows, columns]
    cut = (rows.stop - rows.start) * (columns.stop - columns.start) / (height * width)
    return images_NCHW, _blend(shares_NK, 1 - cut)


def as_shares(targets_N: torch.Tensor, *, num_classes: int) -> torch.Tensor:
    """Write class indices as shares_NK of which one is 1."""
    return one_hot(targets_N, num_classes).float()


def _blend(values: torch.Tensor, kept: float) -> torch.Tensor:
    return kept * values + (1 - kept) * values.roll(1, dims=0)


def _span(length: int, share: float, *, chance: torch.Generator) -> slice:
    """Choose a stretch around a random place; what would reach over the end is left out."""
    centre, half = int(torch.randint(length, (1,), generator=chance)), length * share / 2
    return slice(max(0, round(centre - half)), min(length, round(centre + half)))


def _beta(alpha: float, *, chance: torch.Generator) -> float:
    seed = int(torch.randint(2**62, (1,), generator=chance))
    return float(np.random.default_rng(seed).beta(alpha, alpha))
