"""`training.augmentation.mixing`: two pictures as one, and targets that say how much of each."""

from __future__ import annotations

import pytest
import torch

from training.augmentation import mixed
from training.augmentation.mixing import as_shares, cut_and_mixed, mixed_up
from training.recipe import Augmentation

N, SIDE = 4, 16


def _chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _numbered() -> tuple[torch.Tensor, torch.Tensor]:
    """Make pictures of one value each, their class, so that what was mixed can be read off the pixels."""
    targets_N = torch.arange(N)
    return targets_N.float().view(-1, 1, 1, 1).expand(N, 3, SIDE, SIDE).clone(), targets_N


@pytest.mark.parametrize("seed", range(5))
def test_mixup_mixes_pictures_and_targets_in_the_same_shares(seed: int) -> None:
    """A pixel is the mean of its two classes weighted by what the target says."""
    images_NCHW, targets_N = _numbered()
    shares_NK = as_shares(targets_N, num_classes=N)
    mixed_NCHW, mixed_NK = mixed_up(images_NCHW, shares_NK, alpha=0.5, chance=_chance(seed))
    assert torch.allclose(mixed_NK.sum(dim=1), torch.ones(N))
    expected_N = mixed_NK @ torch.arange(N, dtype=torch.float32)
    assert torch.allclose(mixed_NCHW, expected_N.view(-1, 1, 1, 1).expand_as(mixed_NCHW), atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_cutmix_asks_for_the_area_that_each_class_really_has(seed: int) -> None:
    """Counting pixels of each value gives the targets, whatever of the rectangle fell outside."""
    images_NCHW, targets_N = _numbered()
    shares_NK = as_shares(targets_N, num_classes=N)
    mixed_NCHW, mixed_NK = cut_and_mixed(images_NCHW, shares_NK, alpha=1.0, chance=_chance(seed))
    counted_NK = torch.stack([(mixed_NCHW[:, 0] == k).float().mean(dim=(1, 2)) for k in range(N)], dim=1)
    assert torch.allclose(counted_NK, mixed_NK, atol=1e-6)
    assert torch.equal(images_NCHW, _numbered()[0])


def test_both_ways_take_turns_where_a_recipe_wants_both() -> None:
    """Over some batches, each of the two occurs: cutmix leaves whole values, mixup values in between."""
    recipe = Augmentation(mixup_alpha=1.0, cutmix_alpha=1.0)
    images_NCHW, targets_N = _numbered()
    whole = []
    for seed in range(20):
        mixed_NCHW, _ = mixed(images_NCHW, targets_N, recipe=recipe, num_classes=N, chance=_chance(seed))
        whole.append(bool(torch.equal(mixed_NCHW, mixed_NCHW.round())))
    assert 3 < sum(whole) < 17
