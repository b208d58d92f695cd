"""`training.augmentation.moves`: pictures move and mirror by whole pixels, by chance that can be repeated."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from training.augmentation.moves import flipped, shifted


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


def test_shift_can_fill_with_the_mirrored_edge() -> None:
    """With a reflecting border every picture is a window of itself and its mirror images: no black comes in."""
    before_NCHW = _pixels(50)
    after_NCHW = shifted(before_NCHW, reach_pixels=2, chance=_chance(), border="reflect")
    assert before_NCHW.min() > 0
    assert after_NCHW.min() > 0
    for before_CHW, after_CHW in zip(before_NCHW.numpy(), after_NCHW.numpy(), strict=True):
        wide = np.pad(before_CHW, ((0, 0), (2, 2), (2, 2)), mode="reflect")
        windows = [wide[:, top : top + 7, left : left + 9] for top in range(5) for left in range(5)]
        assert any(np.array_equal(after_CHW, window) for window in windows)
