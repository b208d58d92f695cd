"""Pictures mirrored and moved by whole pixels, as bytes.

Axes: N pictures, C channels, H rows, W columns.
"""

from __future__ import annotations

import torch


def flipped(pixels_NCHW: torch.Tensor, *, chance: torch.Generator) -> torch.Tensor:
    """Mirror each picture left to right with probability one half."""
    mirror_N = torch.rand(len(pixels_NCHW), generator=chance) < 0.5
    return torch.where(mirror_N.to(pixels_NCHW.device).view(-1, 1, 1, 1), pixels_NCHW.flip(3), pixels_NCHW)


def shifted(
    pixels_NCHW: torch.Tensor, *, reach_pixels: int, chance: torch.Generator, border: str = "black"
) -> torch.Tensor:
    """Move each picture by its own whole number of pixels, down and to the right by -reach..reach.

    Args:
        pixels_NCHW: uint8 pixels.
        reach_pixels: Largest move.
        chance: Source of the random numbers.
        border: `black`, or `reflect` for the picture's own mirrored edge.

    Source: the same as padding and cropping at random, after Krizhevsky et al. 2012 and He et al. 2015.
    """
    n, _, height, width = pixels_NCHW.shape
    device = pixels_NCHW.device
    moves_2N = torch.randint(-reach_pixels, reach_pixels + 1, (2, n), generator=chance).to(device)
    rows_NH = torch.arange(height, device=device) - moves_2N[0].view(-1, 1) + reach_pixels
    columns_NW = torch.arange(width, device=device) - moves_2N[1].view(-1, 1) + reach_pixels
    mode = "reflect" if border == "reflect" else "constant"
    padded = torch.nn.functional.pad(pixels_NCHW, (reach_pixels,) * 4, mode=mode)
    taken_NHW = rows_NH.view(n, height, 1) * padded.shape[3] + columns_NW.view(n, 1, width)
    indices = taken_NHW.view(n, 1, -1).expand(-1, pixels_NCHW.shape[1], -1)
    return padded.flatten(2).gather(2, indices).view_as(pixels_NCHW)
