"""`training.assessment.perturbations`: each change does what its name says, by its strength, and nothing by chance."""

from __future__ import annotations

import numpy as np
import pytest

from tests.picture_files import Pixels, texture
from training.assessment.perturbations import PERTURBATIONS, Perturbation, blur, grey, jpeg, noise, rotate, scale, shift


def _chance() -> np.random.Generator:
    return np.random.default_rng(3)


def _dot(side: int = 41) -> Pixels:
    pixels_HWC = np.zeros((side, side, 3), np.uint8)
    pixels_HWC[side // 2 - 2 : side // 2 + 3, side // 2 - 2 : side // 2 + 3] = 255
    return pixels_HWC


def _middle(pixels_HWC: Pixels) -> tuple[float, float]:
    """Centre of brightness, rows and columns."""
    weights_HW = pixels_HWC.sum(axis=2, dtype=float)
    rows, columns = np.indices(weights_HW.shape)
    return float((rows * weights_HW).sum() / weights_HW.sum()), float((columns * weights_HW).sum() / weights_HW.sum())


def _distance(one: Pixels, other: Pixels) -> float:
    return float(np.abs(one.astype(float) - other.astype(float)).mean())


@pytest.mark.parametrize("perturbation", PERTURBATIONS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("shape", [(28, 28), (7, 50), (1, 1)])
def test_equal_chance_gives_equal_pixels_of_equal_size(perturbation: Perturbation, shape: tuple[int, int]) -> None:
    """For every strength, and for pictures of any shape down to one pixel."""
    pixels_HWC = texture(shape[1], shape[0])
    for strength in perturbation.strengths:
        first = perturbation.change(pixels_HWC, strength, _chance())
        assert np.array_equal(first, perturbation.change(pixels_HWC, strength, _chance()))
        assert first.shape == pixels_HWC.shape
        assert first.dtype == np.uint8


@pytest.mark.parametrize("name", ["shift", "rotation", "grey", "noise", "jpeg", "blur"])
def test_stronger_change_moves_pixels_further(name: str) -> None:
    """Strengths are listed mildest first; each is further from the picture than the one before."""
    kind = next(kind for kind in PERTURBATIONS if kind.name == name)
    pixels_HWC = texture(64, 64)
    distances = [_distance(kind.change(pixels_HWC, strength, _chance()), pixels_HWC) for strength in kind.strengths]
    assert distances == sorted(distances)
    assert distances[0] > 0


def test_every_strength_has_its_words() -> None:
    """Tables and figures name strengths by position."""
    assert all(len(kind.strengths) == len(kind.labels) for kind in PERTURBATIONS)
    assert len({kind.name for kind in PERTURBATIONS}) == 7


def test_shift_moves_by_its_share_of_the_side() -> None:
    """A fifth of 40 pixels is 8, in whatever direction; in small pictures at least a pixel."""
    row, column = _middle(shift(_dot(41), 0.2, _chance()))
    assert np.hypot(row - 20, column - 20) == pytest.approx(8.2, abs=0.8)
    row, column = _middle(shift(_dot(15), 0.01, _chance()))
    assert np.hypot(row - 7, column - 7) >= 1


def test_shift_takes_every_direction() -> None:
    """Directions come from chance, so that models are not tested on one alone."""
    moved = [_middle(shift(_dot(), 0.2, np.random.default_rng(seed))) for seed in range(40)]
    quadrants = {(row > 20, column > 20) for row, column in moved}
    assert len(quadrants) == 4


def test_scale_enlarges_around_the_middle() -> None:
    """Twice as large is four times the area, at the same place; half is a quarter."""
    area = float(_dot().sum())
    twice, half = scale(_dot(), 2.0, _chance()), scale(_dot(), 0.5, _chance())
    assert float(twice.sum()) == pytest.approx(4 * area, rel=0.02)
    assert float(half.sum()) == pytest.approx(area / 4, rel=0.1)
    assert _middle(twice) == pytest.approx((20, 20), abs=0.01)
    assert _middle(half) == pytest.approx((20, 20), abs=0.6)


def test_scaled_down_picture_repeats_its_border() -> None:
    """What lies beyond the picture has the colour of its edge, so that no frame gives the change away."""
    flat = np.full((20, 30, 3), 90, np.uint8)
    assert np.array_equal(scale(flat, 0.7, _chance()), flat)


def test_rotation_turns_by_its_degrees_to_either_side() -> None:
    """A quarter turn is exact: rows become columns; both senses occur."""
    pixels_HWC = texture(9, 9)
    turned = [rotate(pixels_HWC, 90, np.random.default_rng(seed)) for seed in range(20)]
    senses = {1 if np.array_equal(picture, np.rot90(pixels_HWC)) else -1 for picture in turned}
    assert senses == {1, -1}
    assert all(
        np.array_equal(picture, np.rot90(pixels_HWC)) or np.array_equal(picture, np.rot90(pixels_HWC, -1))
        for picture in turned
    )


def test_grey_takes_all_colour_out_at_full_strength() -> None:
    """Channels become equal, with the brightness that Pillow gives; half-way keeps half the colour."""
    red = np.zeros((2, 2, 3), np.uint8)
    red[:, :, 0] = 200
    assert grey(red, 1.0, _chance())[0, 0].tolist() == [60, 60, 60]
    assert grey(red, 0.5, _chance())[0, 0].tolist() == [130, 30, 30]


def test_noise_has_its_deviation_and_keeps_grey_pictures_grey() -> None:
    """Five per cent of 255 are 12.75, on pixels that nothing clips."""
    flat = np.full((100, 100, 3), 128, np.uint8)
    noisy = noise(flat, 0.05, _chance())
    assert noisy.astype(float).std() == pytest.approx(12.75, rel=0.03)
    assert (noisy == noisy[:, :, :1]).all()
    colored = noise(texture(50, 50), 0.05, _chance()).astype(int) - texture(50, 50)
    assert not (colored == colored[:, :, :1]).all()


def test_jpeg_keeps_what_a_picture_shows() -> None:
    """Even a low quality stays near, and never exact."""
    assert 0 < _distance(jpeg(texture(64, 64), 75, _chance()), texture(64, 64)) < 12


def test_blur_spreads_a_dot_and_keeps_the_brightness() -> None:
    """The peak falls, the sum stays."""
    blurred = blur(_dot(), 0.08, _chance())
    assert blurred.max() < 150
    assert float(blurred.sum()) == pytest.approx(float(_dot().sum()), rel=0.02)
