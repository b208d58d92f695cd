"""`training.augmentation`: a recipe's variations, all of them functions of the chance that is handed in."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from training.augmentation import augmented, covered, mixed
from training.recipe import Augmentation

EVERYTHING = [
    Augmentation(flip=True, shift_pixels=2),
    Augmentation(crop_area=0.3),
    Augmentation(trivial_augment=True),
]


def _chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _pixels(count: int = 40) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).integers(1, 256, (count, 3, 12, 10), dtype=np.uint8))


def test_without_variations_the_pictures_stay_as_they_are() -> None:
    """An empty recipe draws no numbers and changes nothing."""
    pixels_NCHW, targets_N = _pixels(), torch.arange(40)
    chance, untouched = _chance(), _chance().get_state()
    assert augmented(pixels_NCHW, recipe=Augmentation(), chance=chance) is pixels_NCHW
    assert covered(pixels_NCHW, recipe=Augmentation(), chance=chance) is pixels_NCHW
    images_NCHW, targets = mixed(pixels_NCHW, targets_N, recipe=Augmentation(), num_classes=40, chance=chance)
    assert images_NCHW is pixels_NCHW
    assert targets is targets_N
    assert torch.equal(chance.get_state(), untouched)


@pytest.mark.parametrize("recipe", EVERYTHING, ids=["moves", "crop", "trivial"])
def test_equal_chance_gives_equal_pictures_and_leaves_the_originals_alone(recipe: Augmentation) -> None:
    """A resumed run repeats the variations; the pictures in memory and torch's own generator are not touched."""
    pixels_NCHW, copy_NCHW = _pixels(), _pixels()
    before = torch.get_rng_state()
    first, again, other = (augmented(pixels_NCHW, recipe=recipe, chance=_chance(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(pixels_NCHW, copy_NCHW)
    assert first.dtype == torch.uint8
    assert first.shape == pixels_NCHW.shape
    assert torch.equal(torch.get_rng_state(), before)


def test_crop_shows_a_part_of_the_picture_in_the_size_of_the_whole() -> None:
    """On a picture that gets brighter to the right, every crop still does, within a narrower range."""
    ramp_NCHW = torch.arange(0, 250, 10, dtype=torch.uint8).expand(64, 3, 25, 25).contiguous()
    cropped_NCHW = augmented(ramp_NCHW, recipe=Augmentation(crop_area=0.2), chance=_chance()).int()
    assert (cropped_NCHW.diff(dim=3) >= 0).all()
    ranges_N = (cropped_NCHW.amax(dim=(1, 2, 3)) - cropped_NCHW.amin(dim=(1, 2, 3))).float()
    assert ranges_N.mean() < 220
    assert len(set(ranges_N.tolist())) > 10


def test_trivial_augment_changes_portions_of_a_batch_in_different_ways() -> None:
    """Equal pictures come out in many forms, not in one for the whole batch."""
    same_NCHW = _pixels(1).expand(64, -1, -1, -1).contiguous()
    varied_NCHW = augmented(same_NCHW, recipe=Augmentation(trivial_augment=True), chance=_chance())
    assert len({picture.numpy().tobytes() for picture in varied_NCHW}) > 8


def test_erasing_paints_the_mean_colour_over_rectangles_of_some_pictures() -> None:
    """About the share asked for loses a part, each between 2 and 33 % of its area, to zeros."""
    images_NCHW = torch.ones(400, 3, 20, 20)
    covered_NCHW = covered(images_NCHW, recipe=Augmentation(erasing=0.5), chance=_chance())
    lost_N = (covered_NCHW == 0).float().mean(dim=(1, 2, 3))
    assert 0.4 < (lost_N > 0).float().mean() < 0.6
    assert lost_N.max() < 0.4
    assert set(covered_NCHW.flatten().tolist()) == {0.0, 1.0}


def test_cutout_paints_one_square_of_the_side_that_was_asked_for() -> None:
    """Inside the picture it is 6 x 6 pixels; at the border less, never more; its place varies."""
    images_NCHW = torch.ones(300, 2, 20, 20)
    covered_NCHW = covered(images_NCHW, recipe=Augmentation(cutout_pixels=6), chance=_chance())
    lost_N = (covered_NCHW[:, 0] == 0).sum(dim=(1, 2))
    assert lost_N.max() == 36
    assert lost_N.min() >= 9
    assert len({picture.numpy().tobytes() for picture in covered_NCHW}) > 200
    assert torch.equal(covered_NCHW[:, 0], covered_NCHW[:, 1])
