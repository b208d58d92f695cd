"""Training pictures varied at random, so that a network meets each of them in several forms; never used on others.

Chance comes from a generator that is seeded by run, epoch and step: the variations of a batch do not depend on what
ran before it, so a resumed run and a run on several processes draw the same ones.

Axes: N pictures, C channels, H rows, W columns.
"""

from __future__ import annotations

import torch

from training.recipe import Augmentation


def augmented(pixels_NCHW: torch.Tensor, *, recipe: Augmentation, chance: torch.Generator) -> torch.Tensor:
    """Vary a batch as the recipe says.

    Args:
        pixels_NCHW: uint8 pixels; left as they are.
        recipe: Which variations.
        chance: Source of the random numbers, on the CPU.

    """
    if recipe.flip:
        pixels_NCHW = flipped(pixels_NCHW, chance=chance)
    if recipe.shift_pixels:
        pixels_NCHW = shifted(pixels_NCHW, reach_pixels=recipe.shift_pixels, border=recipe.border, chance=chance)
    return pixels_NCHW


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
