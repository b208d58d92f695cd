"""A part of each picture painted over, so that a network cannot lean on one place.

Axes: N pictures, C channels, H rows, W columns.
"""

from __future__ import annotations

import torch


def cut_out(images_NCHW: torch.Tensor, *, side_pixels: int, chance: torch.Generator) -> torch.Tensor:
    """Paint a square over a random place of each picture; it may reach over the border.

    Args:
        images_NCHW: Normalised, so that 0 is the mean colour.
        side_pixels: Of the square.
        chance: Source of the random numbers.

    Source: DeVries and Taylor 2017, arXiv 1708.04552.

    """
    n, _, height, width = images_NCHW.shape
    device = images_NCHW.device
    tops_N = torch.randint(height, (n, 1), generator=chance).to(device) - side_pixels // 2
    lefts_N = torch.randint(width, (n, 1), generator=chance).to(device) - side_pixels // 2
    rows_NH = _within(torch.arange(height, device=device), tops_N, side_pixels)
    columns_NW = _within(torch.arange(width, device=device), lefts_N, side_pixels)
    return images_NCHW.masked_fill((rows_NH.unsqueeze(2) & columns_NW.unsqueeze(1)).unsqueeze(1), 0.0)


def _within(places: torch.Tensor, first: torch.Tensor, length: int) -> torch.Tensor:
    return (places >= first) & (places < first + length)
