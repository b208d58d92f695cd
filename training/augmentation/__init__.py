"""Training pictures varied at random, so that a network meets each of them in several forms; never used on others.

Chance comes from a generator that is seeded by run, epoch and step: the variations of a batch do not depend on what
ran before it, so a resumed run and a run on several processes draw the same ones.

Mirroring and moving by whole pixels are done here on bytes, which took a fifth of the time of Kornia's crops of floats
(289,000 against 56,000 pictures of 32 pixels a second on one core). Crops of any size, TrivialAugment and erasing are
Kornia's: at 35,000, 23,000 and 169,000 pictures a second, they keep up with any network that needs them.

Axes: N pictures, C channels, H rows, W columns, K classes.
"""

from __future__ import annotations

import torch

from training.augmentation.covering import cut_out
from training.augmentation.mixing import Batch, as_shares, cut_and_mixed, mixed_up
from training.augmentation.moves import flipped, shifted
from training.augmentation.policies import cropped, erased, trivially_augmented
from training.recipe import Augmentation

__all__ = ["augmented", "covered", "mixed"]


def augmented(pixels_NCHW: torch.Tensor, *, recipe: Augmentation, chance: torch.Generator) -> torch.Tensor:
    """Vary the pixels of a batch as the recipe says.

    Args:
        pixels_NCHW: uint8 pixels; left as they are.
        recipe: Which variations.
        chance: Source of the random numbers, on the CPU.

    """
    if recipe.flip:
        pixels_NCHW = flipped(pixels_NCHW, chance=chance)
    if recipe.crop_area is not None:
        pixels_NCHW = cropped(pixels_NCHW, smallest_area=recipe.crop_area, chance=chance)
    if recipe.shift_pixels:
        pixels_NCHW = shifted(pixels_NCHW, reach_pixels=recipe.shift_pixels, border=recipe.border, chance=chance)
    if recipe.trivial_augment:
        pixels_NCHW = trivially_augmented(pixels_NCHW, chance=chance)
    return pixels_NCHW


def covered(images_NCHW: torch.Tensor, *, recipe: Augmentation, chance: torch.Generator) -> torch.Tensor:
    """Paint over parts of a normalised batch as the recipe says."""
    if recipe.cutout_pixels:
        images_NCHW = cut_out(images_NCHW, side_pixels=recipe.cutout_pixels, chance=chance)
    if recipe.erasing:
        images_NCHW = erased(images_NCHW, probability=recipe.erasing, chance=chance)
    return images_NCHW


def mixed(
    images_NCHW: torch.Tensor,
    targets_N: torch.Tensor,
    *,
    recipe: Augmentation,
    num_classes: int,
    chance: torch.Generator,
) -> Batch:
    """Show two pictures as one where the recipe says so; of mixup and cutmix, chance chooses one for each batch.

    Returns:
        Images, and shares of the classes_NK in place of class indices_N.

    """
    ways = [(mixed_up, recipe.mixup_alpha), (cut_and_mixed, recipe.cutmix_alpha)]
    wanted = [(way, alpha) for way, alpha in ways if alpha]
    if not wanted:
        return images_NCHW, targets_N
    way, alpha = wanted[int(torch.randint(len(wanted), (1,), generator=chance))]
    return way(images_NCHW, as_shares(targets_N, num_classes=num_classes), alpha=alpha, chance=chance)
