"""`training.data.streaming`: whatever decodes, and however often it is interrupted, the pixels are those of memory."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import pickle
import signal
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric

from tests.training.data_sets import LABELS, experiment, folders_in, write_class_folders
from tests.training.fits import equal, fit_of, weights_of
from training.data import Examples, open_data
from training.data.decoding import Decoder
from training.data.loading import Loader
from training.data.pictures import Pictures
from training.data.preprocessing import plain_input_spec
from training.data.splits import Splits, make_splits
from training.data.streaming import StreamedPictures, in_order, usual_workers
from training.errors import DataError, InterruptedRunError
from training.learning.batches import Share, TrainingBatches, validation_batches
from training.recipe import Augmentation, Picture
from training.settings import Settings

SPEC = plain_input_spec(Picture(size=16, color_mode="L"))
COUNT = 60
ORDER = torch.randperm(COUNT, generator=torch.Generator().manual_seed(1))
PLAN = [ORDER[start : start + 8] for start in range(0, COUNT, 8)]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """Sixty pictures in class folders."""
    home = tmp_path_factory.mktemp("home")
    folder = write_class_folders(home / "photos" / "train", dict.fromkeys(LABELS, COUNT // 3))
    write_class_folders(home / "photos" / "test", dict.fromkeys(LABELS, 1), first_seed=900)
    return open_data(str(folder.parent), settings=folders_in(home)).examples("train")


@pytest.fixture(scope="module")
def kept(examples: Examples) -> Pictures:
    """The same pictures in memory."""
    loaded = Loader(spec=SPEC, workers=0, skip_broken=False).into_memory(examples).pictures
    assert isinstance(loaded, Pictures)
    return loaded


def _stream(examples: Examples, *, workers: int) -> StreamedPictures:
    return StreamedPictures.of(examples, Decoder(examples, SPEC), workers=workers)


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_portions_are_those_of_memory_whatever_the_number_of_processes(
    examples: Examples, kept: Pictures, workers: int
) -> None:
    """Pixels, order and labels are equal in every epoch, and a new plan may begin before the old one has ended."""
    stream = _stream(examples, workers=usual_workers(workers))
    assert torch.equal(stream.labels_N, kept.labels_N)
    for _ in range(2):
        for found, expected in zip(stream.portions(PLAN), kept.portions(PLAN), strict=True):
            assert torch.equal(found, expected)
    list(itertools.islice(stream.portions(PLAN), 2))
    (only,) = stream.portions([torch.tensor([5, 3])])
    assert torch.equal(only, kept.take(torch.tensor([5, 3])))


def test_processes_live_as_long_as_the_stream(examples: Examples) -> None:
    """They start once and not in every epoch, and end when nobody needs them any more."""
    before = set(multiprocessing.active_children())
    stream = _stream(examples, workers=1)
    found = []
    for _ in range(2):
        list(stream.portions(PLAN))
        found.append({child.pid for child in set(multiprocessing.active_children()) - before})
    assert len(found[0]) == 1
    assert found[0] == found[1]
    del stream
    assert not {child.pid for child in multiprocessing.active_children()} & found[0]


def test_streaming_leaves_the_random_numbers_of_the_run_alone(examples: Examples) -> None:
    """Dropout draws the same numbers whether pictures are streamed or not."""
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    list(_stream(examples, workers=usual_workers(1)).portions(PLAN))
    assert torch.equal(torch.rand(3), expected)


def _batches(pictures: Pictures | StreamedPictures) -> TrainingBatches:
    return TrainingBatches(
        pictures=pictures,
        spec=SPEC,
        augmentation=Augmentation(flip=True, shift_pixels=2),
        batch_size=8,
        seed=3,
        share=Share(),
        num_classes=len(LABELS),
    )


def test_epoch_of_a_stream_is_that_of_memory_and_can_be_entered_anywhere(examples: Examples, kept: Pictures) -> None:
    """A run that is resumed in the middle of an epoch goes on with exactly the batches that were to come."""
    expected = list(_batches(kept).of_epoch(1))
    stream = _batches(_stream(examples, workers=usual_workers(1)))
    for found in (list(stream.of_epoch(1)), [None] * 4 + list(stream.of_epoch(1, first_step=4))):
        assert len(found) == len(expected) == 7
        for batch, wanted in zip(found, expected, strict=True):
            assert batch is None or all(map(torch.equal, batch, wanted))


def test_run_that_streams_ends_with_the_weights_of_one_in_memory(
    fabric: Fabric, splits: Splits, settings: Settings, tmp_path: Path
) -> None:
    """Even where it was stopped in the middle of an epoch: where pixels are kept decides nothing."""
    in_memory = experiment(training={"epochs": 2})
    expected = fit_of(fabric, splits, in_memory, tmp_path / "kept")
    expected.run(resume=False)
    streaming = experiment(training={"epochs": 2}, data={"memory_mb": 0})
    streamed = make_splits(open_data("shapes", settings=settings), recipe=streaming.recipe)
    assert isinstance(streamed.training, StreamedPictures)
    with pytest.raises(InterruptedRunError):
        fit_of(fabric, streamed, streaming, tmp_path / "streamed", stop_after=13).run(resume=False)
    resumed = fit_of(fabric, streamed, streaming, tmp_path / "streamed")
    resumed.run(resume=True)
    assert equal(weights_of(resumed), weights_of(expected))


def test_validation_pictures_can_be_streamed(examples: Examples, kept: Pictures) -> None:
    """Each process gets its part of them, in order, as from memory."""
    for share in (Share(), Share(1, 2)):
        found = validation_batches(_stream(examples, workers=0), spec=SPEC, share=share)
        for batch, wanted in zip(found, validation_batches(kept, spec=SPEC, share=share), strict=True):
            assert all(map(torch.equal, batch, wanted))


def test_pass_in_order_is_the_same_with_processes_and_without(examples: Examples, kept: Pictures) -> None:
    """Sixty pictures repeated are enough portions to be divided among processes."""
    many = examples.select(torch.arange(COUNT).repeat(4).numpy())
    decoder = Decoder(many, SPEC)
    for workers in (0, usual_workers(2)):
        found = in_order(decoder.decode, count=len(many), workers=workers)
        pixels = [torch.from_numpy(decoded.pixels_NCHW) for decoded in found]
        assert [len(portion) for portion in pixels] == [64, 64, 64, 48]
        assert torch.equal(torch.cat(pixels), kept.pixels_NCHW.repeat(4, 1, 1, 1))


@pytest.mark.parametrize("workers", [0, 1])
def test_picture_that_went_missing_during_the_run_is_named(tmp_path: Path, workers: int) -> None:
    """A file that was there when the run began is missed by name, and not by the stack trace of another process."""
    folder = write_class_folders(tmp_path / "photos" / "train", dict.fromkeys(LABELS, 4))
    write_class_folders(tmp_path / "photos" / "test", dict.fromkeys(LABELS, 1), first_seed=900)
    found = open_data(str(folder.parent), settings=folders_in(tmp_path)).examples("train")
    stream = _stream(found, workers=usual_workers(workers))
    (folder / LABELS[2] / "001.png").unlink()
    with pytest.raises(DataError, match=r"001\.png cannot be read: No such file.*in order when the run began"):
        list(stream.portions([torch.arange(12)]))


class _Suicidal:
    """Files of which reading one ends the process that reads."""

    def read(self, _number: int) -> bytes:
        """End it, as the kernel does where memory is short."""
        os.kill(os.getpid(), signal.SIGKILL)
        return b""

    def origin(self, number: int) -> str:
        """Name it."""
        return f"picture {number}"


def test_process_that_is_killed_is_reported_with_a_way_out() -> None:
    """Where memory is short, the text says how to need less."""
    doomed = Examples.all_of(_Suicidal(), labels_N=torch.zeros(4, dtype=torch.int64).numpy(), classes=1)
    with pytest.raises(DataError, match=r"process that decodes pictures died.*--set data\.workers"):
        list(_stream(doomed, workers=1).portions([torch.arange(4)]))


def test_decoder_can_be_sent_to_another_process(examples: Examples, kept: Pictures) -> None:
    """Where processes do not inherit memory, the list of files travels in their place."""
    copy: Decoder = pickle.loads(pickle.dumps(Decoder(examples, SPEC)))
    assert torch.equal(torch.from_numpy(copy.decode([7, 1]).pixels_NCHW), kept.take(torch.tensor([7, 1])))


def test_number_of_processes_is_bounded_by_the_cores() -> None:
    """More processes than cores would wait for each other."""
    cores = len(os.sched_getaffinity(0))
    assert usual_workers(0) == 0
    assert usual_workers(10_000) == cores
    assert usual_workers() == min(cores, 16)
