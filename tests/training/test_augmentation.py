"""`training.augmentation`: pictures move and mirror by whole pixels, by chance that can be repeated."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from training.augmentation import augmented, flipped, shifted
from training.recipe import Augmentation


def _chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _pixels(count: int = 40, channels: int = 3) -> torch.Tensor:
    values = np.random.default_rng(0).integers(1, 256, (count, channels, 7, 9), dtype=np.uint8)
    return torch.from_numpy(values)


def test_flip_mirrors_about_half_of_the_pictures_left_to_right() -> None:
    """Each picture is either itself or its mirror image, both occur, and rows stay where they are."""
    before_NCHW = _pixels(400)
    after_NCHW = flipped(before_NCHW, chance=_chance())
    mirrored = [torch.equal(a, b.flip(2)) for a, b in zip(after_NCHW, before_NCHW, strict=True)]
    kept = [torch.equal(a, b) for a, b in zip(after_NCHW, before_NCHW, strict=True)]
    assert all(m != k for m, k in zip(mirrored, kept, strict=True))
    assert 150 < sum(mirrored) < 250


@pytest.mark.parametrize("reach", [1, 3])
def test_shift_moves_every_picture_by_whole_pixels_and_fills_with_black(reach: int) -> None:
    """Every picture is found again at one of the moves allowed, all of which occur."""
    before_NCHW = _pixels(300)
    after_NCHW = shifted(before_NCHW, reach_pixels=reach, chance=_chance())
    moves = range(-reach, reach + 1)
    seen = set()
    for before_CHW, after_CHW in zip(before_NCHW.numpy(), after_NCHW.numpy(), strict=True):
        fitting = [(dy, dx) for dy in moves for dx in moves if np.array_equal(after_CHW, _moved(before_CHW, dy, dx))]
        assert len(fitting) == 1
        seen.update(fitting)
    assert len(seen) == len(moves) ** 2


def _moved(
    pixels_CHW: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], dy: int, dx: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Move down by dy and right by dx with slices, as an independent way to the same pixels."""
    _, height, width = pixels_CHW.shape
    result = np.zeros_like(pixels_CHW)
    target = result[:, max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)]
    target[:] = pixels_CHW[:, max(0, -dy) : height + min(0, -dy), max(0, -dx) : width + min(0, -dx)]
    return result


def test_without_variations_the_pictures_stay_as_they_are() -> None:
    """An empty recipe draws no numbers and changes nothing."""
    pixels_NCHW = _pixels()
    assert augmented(pixels_NCHW, recipe=Augmentation(), chance=_chance()) is pixels_NCHW


def test_equal_chance_gives_equal_pictures_and_leaves_the_originals_alone() -> None:
    """A resumed run repeats the variations; the pictures in memory are never written to."""
    pixels_NCHW, copy_NCHW = _pixels(), _pixels()
    recipe = Augmentation(flip=True, shift_pixels=2)
    first, again, other = (augmented(pixels_NCHW, recipe=recipe, chance=_chance(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(pixels_NCHW, copy_NCHW)
