"""Variations that change more than place: crops of any size, TrivialAugment, random erasing; by Kornia, batch by batch.

Kornia draws from torch's global generator. Here it is seeded for each call and put back afterwards, so that the
variations stay a function of seed, epoch and step.

Axes: N pictures, C channels, H rows, W columns.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator

import torch
from torch import nn

_PORTIONS = 16  # TrivialAugment draws one variation for all it is given; so many different ones occur in a batch


def cropped(pixels_NCHW: torch.Tensor, *, smallest_area: float, chance: torch.Generator) -> torch.Tensor:
    """Take a part of each picture, of random place, area and form, and enlarge it to the whole.

    Args:
        pixels_NCHW: uint8.
        smallest_area: Share of the picture that the part has at least.
        chance: Source of the random numbers.

    Source: Szegedy et al. 2014, arXiv 1409.4842.

    """
    crop = _crop(pixels_NCHW.shape[2], pixels_NCHW.shape[3], smallest_area)
    with _seeded(chance):
        shares_NCHW = crop(_as_shares(pixels_NCHW))
    return _as_pixels(shares_NCHW)


def trivially_augmented(pixels_NCHW: torch.Tensor, *, chance: torch.Generator) -> torch.Tensor:
    """Change each picture in one way (colours, sharpness, rotation, shear ...) by a random amount.

    Args:
        pixels_NCHW: uint8.
        chance: Source of the random numbers.

    Source: Mueller and Hutter 2021, arXiv 2103.10158.

    """
    with _seeded(chance):
        portions = [_trivial()(portion) for portion in _as_shares(pixels_NCHW).tensor_split(_PORTIONS) if len(portion)]
    return _as_pixels(torch.cat(portions))


def erased(images_NCHW: torch.Tensor, *, probability: float, chance: torch.Generator) -> torch.Tensor:
    """Paint a rectangle of 2 to 33 % of the area over some of the pictures.

    Args:
        images_NCHW: Normalised, so that 0 is the mean colour.
        probability: That a picture loses a part.
        chance: Source of the random numbers.

    Source: Zhong et al. 2017, arXiv 1708.04896.

    """
    with _seeded(chance):
        erased_NCHW: torch.Tensor = _erasing(probability)(images_NCHW)
    return erased_NCHW


@contextlib.contextmanager
def _seeded(chance: torch.Generator) -> Iterator[None]:
    seed = int(torch.randint(2**62, (1,), generator=chance))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # Kornia draws on the processor; a GPU's own numbers stay as they are
        yield


@functools.cache
def _crop(height: int, width: int, smallest_area: float) -> nn.Module:
    from kornia.augmentation import RandomResizedCrop  # noqa: PLC0415  importing it takes seconds that few recipes need

    crop: nn.Module = RandomResizedCrop((height, width), scale=(smallest_area, 1.0))
    return crop


@functools.cache
def _trivial() -> nn.Module:
    from kornia.augmentation.auto import TrivialAugment  # noqa: PLC0415  see above

    return TrivialAugment()


@functools.cache
def _erasing(probability: float) -> nn.Module:
    from kornia.augmentation import RandomErasing  # noqa: PLC0415  see above

    erasing: nn.Module = RandomErasing(p=probability)
    return erasing


def _as_shares(pixels_NCHW: torch.Tensor) -> torch.Tensor:
    return pixels_NCHW.float() / 255


def _as_pixels(shares_NCHW: torch.Tensor) -> torch.Tensor:
    return (shares_NCHW.clamp(0, 1) * 255).round().to(torch.uint8)
