"""One block of pixels in memory, and what can be said about pixels: their statistics, their names, their fingerprint.

Small pictures are decoded once and kept as bytes on the device: 60,000 pictures of 28x28 are 47 MB, and an epoch needs
no disk. What does not fit is read again in every epoch by `streaming.py`, which answers to the same names.

Axes: N pictures, M of them, C channels, H rows, W columns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from service.artifact import Input
from training.data import Example
from training.data.decoding import Decoder
from training.errors import DataError

_KEY_BYTES = 16


class PictureSource(Protocol):
    """Decoded pictures with their classes, wherever their pixels are kept."""

    @property
    def labels_N(self) -> torch.Tensor:  # noqa: N802  # axes in the name
        """int64 class indices, on the device."""

    def __len__(self) -> int:
        """Number of pictures."""

    def take(self, positions_M: torch.Tensor) -> torch.Tensor:
        """Give the uint8 pixels_MCHW of some pictures, on the device."""

    def portions(self, plan: Iterable[torch.Tensor]) -> Iterator[torch.Tensor]:
        """Give `take` of each portion of the plan in turn; later ones are prepared while the caller works."""

    def to(self, device: torch.device) -> PictureSource:
        """Put the pixels where the network is."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """Decoded pictures with their classes, all in memory.

    Args:
        pixels_NCHW: uint8, in the size and colours of the network's input.
        labels_N: int64 class indices.

    """

    pixels_NCHW: torch.Tensor  # noqa: N815  # axes in the name
    labels_N: torch.Tensor  # noqa: N815  # axes in the name

    def __len__(self) -> int:
        return len(self.labels_N)

    def take(self, positions_M: torch.Tensor) -> torch.Tensor:
        """Give the pixels_MCHW of some pictures."""
        return self.pixels_NCHW[positions_M.to(self.pixels_NCHW.device)]

    def portions(self, plan: Iterable[torch.Tensor]) -> Iterator[torch.Tensor]:
        """Give the pixels of each portion of the plan in turn."""
        return map(self.take, plan)

    def select(self, positions_M: NDArray[np.int64]) -> Pictures:
        """Take some pictures, in the order of the positions."""
        chosen = torch.from_numpy(positions_M)
        return Pictures(self.pixels_NCHW[chosen], self.labels_N[chosen])

    def to(self, device: torch.device) -> Pictures:
        """Put the pixels where the network is."""
        return Pictures(self.pixels_NCHW.to(device), self.labels_N.to(device))

    def keys(self) -> list[bytes]:
        """Name each picture by its pixels, so that identical pictures can be found."""
        return keys_of(self.pixels_NCHW.numpy())


@dataclass(slots=True)
class ChannelCounts:
    """How often each of the 256 values occurs in each channel; counting keeps sums exact, however many pictures.

    Args:
        counts: By channel.

    """

    counts: list[NDArray[np.int64]] = field(default_factory=list)

    def add(self, pixels_NCHW: NDArray[np.uint8]) -> None:
        """Count some pictures more."""
        found = [np.bincount(channel.ravel(), minlength=256) for channel in pixels_NCHW.swapaxes(0, 1)]
        self.counts = [old + new for old, new in zip(self.counts, found, strict=True)] if self.counts else found

    def statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Give mean and standard deviation of each channel, in units of 0..1."""
        values = np.arange(256, dtype=np.float64) / 255
        means, deviations = [], []
        for counts in self.counts:
            shares = counts / counts.sum()
            mean = float(shares @ values)
            means.append(mean)
            deviations.append(float(np.sqrt(shares @ (values - mean) ** 2)))
        return tuple(means), tuple(deviations)


class Fingerprint:
    """A hash over pixels and labels in order: equal fingerprints mean equal training data."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()

    def copy(self) -> Fingerprint:
        """Fork it, to go back to this point."""
        other = Fingerprint()
        other._digest = self._digest.copy()
        return other

    def go_back_to(self, other: Fingerprint) -> None:
        """Forget what came after a copy was made."""
        self._digest = other._digest.copy()

    def begin_part(self, shape: Sequence[int]) -> None:
        """Begin a part of N pictures: (N, C, H, W)."""
        self._digest.update(f"{tuple(shape)};".encode())

    def add_pixels(self, pixels_NCHW: NDArray[np.uint8]) -> None:
        """Go on with the next pictures of the part."""
        self._digest.update(pixels_NCHW.tobytes())

    def end_part(self, labels_N: torch.Tensor) -> None:
        """End the part with all its labels."""
        self._digest.update(labels_N.numpy().tobytes())

    def hexdigest(self) -> str:
        """Give the hash of the parts so far."""
        return self._digest.hexdigest()


def decode_all(examples: Sequence[Example], *, spec: Input) -> Pictures:
    """Decode a few pictures into one block.

    Args:
        examples: Encoded pictures.
        spec: The network's input; its scale, mean and std are left for later.

    Raises:
        DataError: A file is no picture; the text names it.

    """
    decoded = Decoder(examples, spec).decode(range(len(examples)))
    for problem in decoded.problems:
        raise DataError(problem.text)
    labels_N = torch.tensor([example.label for example in examples], dtype=torch.int64)
    return Pictures(torch.from_numpy(decoded.pixels_NCHW), labels_N)


def keys_of(pixels_NCHW: NDArray[np.uint8]) -> list[bytes]:
    """Name each picture by its pixels."""
    return [hashlib.blake2b(pixels_CHW.tobytes(), digest_size=_KEY_BYTES).digest() for pixels_CHW in pixels_NCHW]


def add_part(found: Fingerprint, part: Pictures) -> None:
    """Add a part that is all in memory to a fingerprint."""
    found.begin_part(part.pixels_NCHW.shape)
    found.add_pixels(part.pixels_NCHW.numpy())
    found.end_part(part.labels_N)
