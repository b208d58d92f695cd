"""`training.learning.batches`: what a batch holds depends on seed, epoch and step alone, and processes share it."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
import torch

from training.data.pictures import Pictures
from training.data.preprocessing import plain_input_spec
from training.learning.batches import Share, TrainingBatches, validation_batches
from training.recipe import Augmentation, Picture

SPEC = plain_input_spec(Picture(size=2, color_mode="L"))


def _pictures(count: int) -> Pictures:
    """Make pictures whose left column is their number, which is their label too, and whose right column is white."""
    numbers = torch.arange(count)
    pixels_NCHW = torch.full((count, 1, 2, 2), 255, dtype=torch.uint8)
    pixels_NCHW[:, 0, :, 0] = numbers.to(torch.uint8).view(-1, 1)
    return Pictures(pixels_NCHW, numbers)


def _batches(
    *, count: int = 50, batch_size: int = 8, seed: int = 1, share: Share | None = None, flip: bool = False
) -> TrainingBatches:
    return TrainingBatches(
        pictures=_pictures(count),
        spec=SPEC,
        augmentation=Augmentation(flip=flip),
        batch_size=batch_size,
        seed=seed,
        share=share or Share(),
        num_classes=count,
    )


def _order(batches: TrainingBatches, epoch: int, *, first_step: int = 0) -> list[list[int]]:
    return [targets_N.tolist() for _, targets_N in batches.of_epoch(epoch, first_step=first_step)]


def test_epoch_shows_every_picture_at_most_once_in_full_batches() -> None:
    """Fifty pictures in portions of eight are six batches; two pictures wait for another epoch."""
    batches = _batches()
    portions = _order(batches, 0)
    assert batches.steps == 6
    assert [len(portion) for portion in portions] == [8] * 6
    shown = list(itertools.chain.from_iterable(portions))
    assert len(set(shown)) == 48
    assert set(shown) <= set(range(50))


def test_images_go_with_their_labels() -> None:
    """Pixels are the normalised ones of the picture whose label stands beside them."""
    for images_NCHW, targets_N in _batches().of_epoch(0):
        assert images_NCHW.dtype == torch.float32
        assert torch.allclose(images_NCHW[:, 0, 0, 0] * 255, targets_N.float(), atol=1e-3)


def test_order_changes_with_epoch_and_seed_and_with_nothing_else() -> None:
    """An epoch can be repeated at any time, whatever was drawn before."""
    first = _order(_batches(), 3)
    torch.rand(1)
    assert _order(_batches(), 3) == first
    assert _order(_batches(), 4) != first
    assert _order(_batches(seed=2), 3) != first


def test_epoch_can_be_entered_at_any_step() -> None:
    """A resumed epoch gives exactly the batches that were still to come, their variations included."""
    whole = list(_batches(flip=True).of_epoch(2))
    rest = list(_batches(flip=True).of_epoch(2, first_step=4))
    assert len(rest) == 2
    for (images, targets), (images_again, targets_again) in zip(whole[4:], rest, strict=True):
        assert torch.equal(images, images_again)
        assert torch.equal(targets, targets_again)


def test_variations_differ_from_epoch_to_epoch_and_from_seed_to_seed() -> None:
    """A picture that was mirrored once is not mirrored always; the same epoch repeats its own."""

    def mirrored(epoch: int, seed: int = 1) -> list[int]:
        batches = list(_batches(flip=True, batch_size=50, seed=seed).of_epoch(epoch))
        ((images_NCHW, targets_N),) = batches
        return sorted(targets_N[images_NCHW[:, 0, 0, 0] == 1.0].tolist())

    assert mirrored(0) == mirrored(0)
    assert 10 < len(mirrored(0)) < 40
    assert mirrored(0) != mirrored(1) != mirrored(2)
    assert mirrored(0) != mirrored(0, seed=2)


def test_step_decides_the_variations_too() -> None:
    """Batches of one epoch do not mirror the same places."""
    places = [images_NCHW[:, 0, 0, 0] == 1.0 for images_NCHW, _ in _batches(flip=True, batch_size=25).of_epoch(0)]
    assert not torch.equal(places[0], places[1])


def test_processes_divide_each_batch_among_themselves() -> None:
    """Two processes see together what one would see, each the half of it."""
    whole = _order(_batches(), 1)
    halves = [_order(_batches(share=Share(rank, 2)), 1) for rank in (0, 1)]
    for batch, left, right in zip(whole, *halves, strict=True):
        assert len(left) == len(right) == 4
        assert sorted(left + right) == sorted(batch)


@pytest.mark.parametrize("world_size", [1, 3])
def test_validation_shows_every_picture_once_over_all_processes(world_size: int) -> None:
    """Nothing is dropped or varied, even where the number does not divide evenly."""
    shown: list[int] = []
    for rank in range(world_size):
        share = Share(rank, world_size)
        for _, targets_N in validation_batches(_pictures(50), spec=SPEC, share=share):
            shown += targets_N.tolist()
    assert sorted(shown) == list(range(50))


def test_large_validation_sets_come_in_portions() -> None:
    """Memory stays bounded however many pictures validate."""
    pictures = Pictures(torch.zeros(2500, 1, 1, 1, dtype=torch.uint8), torch.zeros(2500, dtype=torch.int64))
    sizes = [len(targets_N) for _, targets_N in validation_batches(pictures, spec=SPEC, share=Share())]
    assert sizes == [1000, 1000, 500]


def test_batches_are_values() -> None:
    """The type is frozen: a run cannot change its own data on the way."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        _batches().seed = 2  # type: ignore[misc]  # the point of the test
