"""Pictures that do not fit into memory: other processes read and decode them while the network learns.

What comes out is a function of the plan alone, whatever the number of processes: the same pixels in the same order as
from memory, so a run that is resumed in the middle of an epoch goes on exactly. PyTorch's `DataLoader` does the work;
this file gives it portions to decode and keeps it from touching the run's random numbers.

Axes: N pictures, M of them, C channels, H rows, W columns.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

from training.data import Examples
from training.data.decoding import Decoder
from training.data.pictures import decode_all
from training.errors import DataError

_MOST_WORKERS = 16
_PORTIONS_AHEAD = 2  # per process: one on its way while the next is decoded
_PER_PORTION_IN_ORDER = 64

T = TypeVar("T")


def usual_workers(asked: int | None = None) -> int:
    """Choose how many processes decode: one per processor core that this process may use, or as many as asked.

    Args:
        asked: 0 decodes in the training process itself; more than there are cores would wait for each other.

    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _MOST_WORKERS if asked is None else asked)


class StreamedPictures:
    """Pictures with their classes, decoded when they are asked for.

    Args:
        decoder: Of the pictures; all of them can be decoded.
        labels_N: int64 class indices, on the device.
        workers: Processes that decode; they start with the first portion and end with this object.

    """

    def __init__(self, decoder: Decoder, labels_N: torch.Tensor, *, workers: int) -> None:
        self.decoder = decoder
        self.labels_N = labels_N
        self.workers = workers
        self._plan = _Plan()
        self._loader = _loader(decoder.decode, self._plan, workers=workers, keep=True)
        self._turn = 0

    @classmethod
    def of(cls, examples: Examples, decoder: Decoder, *, workers: int) -> StreamedPictures:
        """Stream the pictures of a list on the processor."""
        return cls(decoder, torch.from_numpy(examples.labels_N.copy()), workers=workers)

    def __len__(self) -> int:
        return len(self.labels_N)

    def take(self, positions_M: torch.Tensor) -> torch.Tensor:
        """Give the pixels_MCHW of some pictures, decoded here and now.

        Raises:
            DataError: A file is gone or has changed.

        """
        chosen = [self.decoder.examples[position] for position in positions_M.tolist()]
        return decode_all(chosen, spec=self.decoder.spec).pixels_NCHW.to(self.labels_N.device)

    def portions(self, plan: Iterable[torch.Tensor]) -> Iterator[torch.Tensor]:
        """Give the pixels of each portion of the plan in turn; a new plan ends the one before.

        Raises:
            DataError: A file is gone or has changed, or a process that decodes died.

        """
        self._turn += 1
        turn = self._turn
        self._plan.portions = [positions_M.tolist() for positions_M in plan]
        for decoded in _told(self._loader):
            if turn != self._turn:
                raise RuntimeError("a plan was continued after a new one had begun")
            for problem in decoded.problems:
                raise DataError(f"{problem.text} It was in order when the run began.")
            yield torch.from_numpy(decoded.pixels_NCHW).to(self.labels_N.device)

    def to(self, device: torch.device) -> StreamedPictures:
        """Deliver to another device."""
        return StreamedPictures(self.decoder, self.labels_N.to(device), workers=self.workers)


def in_order(work: Callable[[list[int]], T], *, count: int, workers: int) -> Iterator[T]:
    """Do something with every picture once, a portion at a time, in several processes, and give the results in order.

    Args:
        work: From positions to a result; it must not fail, because an error arrives as text of another process.
        count: Number of pictures.
        workers: Processes.

    Raises:
        DataError: A process died.

    """
    everything = range(count)
    portions = [everything[start : start + _PER_PORTION_IN_ORDER] for start in everything[::_PER_PORTION_IN_ORDER]]
    few = len(portions) <= workers  # would be decoded before the processes have started
    plan = _Plan([list(portion) for portion in portions])
    return _told(_loader(work, plan, workers=0 if few else workers, keep=False))


@dataclass(slots=True)
class _Plan:
    """Which pictures are wanted next, portion by portion; exchanged while the processes live on."""

    portions: list[list[int]] = field(default_factory=list)

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.portions)

    def __len__(self) -> int:
        return len(self.portions)


class _Portions(Dataset[T]):
    """The work as PyTorch wants it: one item is one portion."""

    def __init__(self, work: Callable[[list[int]], T]) -> None:
        self._work = work

    def __getitem__(self, positions: list[int]) -> T:
        return self._work(positions)


def _loader(work: Callable[[list[int]], T], plan: _Plan, *, workers: int, keep: bool) -> DataLoader[T]:
    return DataLoader(
        _Portions(work),
        sampler=plan,
        batch_size=None,  # the plan makes the portions
        num_workers=workers,
        collate_fn=_unchanged,
        worker_init_fn=_leave_interrupts_to_the_run if workers else None,
        prefetch_factor=_PORTIONS_AHEAD if workers else None,
        persistent_workers=keep and workers > 0,
        generator=torch.Generator(),  # it draws a seed that nobody uses, and not from the run's own numbers
    )


def _told(loader: DataLoader[T]) -> Iterator[T]:
    """Give what the processes find; where one of them was killed, say so."""
    try:
        yield from loader
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise DataError(
            "A process that decodes pictures died, most likely for lack of memory; use fewer with "
            "--set data.workers=1, or 0 for none."
        ) from error


def _unchanged(result: Any) -> Any:  # noqa: ANN401  # PyTorch's stubs ask for it
    return result


def _leave_interrupts_to_the_run(_worker: int) -> None:
    """Ctrl-C reaches every process; the run decides when to stop, and its children end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
