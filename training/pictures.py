"""Encoded pictures into one block of pixels in memory, through the decoder that serves.

Small pictures are decoded once and kept as bytes: 60,000 pictures of 28x28 are 47 MB, and an epoch needs no disk.
Training sees the pixels that the service will see, because both ask `service.engine.preprocessing`.

Axes: N pictures, C channels, H rows, W columns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from service.artifact import Input
from service.engine.preprocessing import decode, to_tensor
from service.errors import InputError
from training.data import Example
from training.errors import DataError

_MAX_PIXELS = 64_000_000  # what the service decodes by default; a training picture beyond it could not be served


@dataclass(frozen=True, slots=True)
class Pictures:
    """Decoded pictures with their classes.

    Args:
        pixels_NCHW: uint8, in the size and colours of the network's input.
        labels_N: int64 class indices.

    """

    pixels_NCHW: torch.Tensor  # noqa: N815  # axes in the name
    labels_N: torch.Tensor  # noqa: N815  # axes in the name

    def __len__(self) -> int:
        return len(self.labels_N)

    def select(self, indices_M: NDArray[np.int64]) -> Pictures:
        """Take some pictures, in the order of the indices."""
        chosen = torch.from_numpy(indices_M)
        return Pictures(self.pixels_NCHW[chosen], self.labels_N[chosen])

    def to(self, device: torch.device) -> Pictures:
        """Put the pixels where the network is."""
        return Pictures(self.pixels_NCHW.to(device), self.labels_N.to(device))

    def keys(self) -> list[bytes]:
        """Name each picture by its pixels, so that identical pictures can be found."""
        return [
            hashlib.blake2b(pixels_CHW.tobytes(), digest_size=16).digest() for pixels_CHW in self.pixels_NCHW.numpy()
        ]


def decode_all(examples: Iterable[Example], *, spec: Input) -> Pictures:
    """Decode pictures one by one into one block.

    Args:
        examples: Encoded pictures.
        spec: The network's input; its scale, mean and std are left for later.

    Raises:
        DataError: A file is no picture; the text names it. Or there are none at all.

    """
    raw = _as_pixels(spec)
    pixels, labels = [], []
    for example in examples:
        try:
            pixels.append(to_tensor(decode(example.encoded, max_pixels=_MAX_PIXELS), raw))
        except InputError as error:
            raise DataError(f"{example.origin}: {error}") from error
        labels.append(example.label)
    if not labels:
        raise DataError("A split without a single picture cannot be used.")
    return Pictures(torch.from_numpy(np.stack(pixels)), torch.tensor(labels, dtype=torch.int64))


def channel_statistics(pictures: Pictures) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Measure mean and standard deviation of each channel's pixels, in units of 0..1.

    Counting the 256 values keeps the sums exact, whatever the number of pictures.
    """
    means, deviations = [], []
    values = np.arange(256, dtype=np.float64) / 255
    for channel_NHW in pictures.pixels_NCHW.unbind(dim=1):
        shares = np.bincount(channel_NHW.numpy().ravel(), minlength=256) / channel_NHW.numel()
        mean = float(shares @ values)
        means.append(mean)
        deviations.append(float(np.sqrt(shares @ (values - mean) ** 2)))
    return tuple(means), tuple(deviations)


def fingerprint(*parts: Pictures) -> str:
    """Hash pixels and labels in order: equal fingerprints mean equal training data."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{tuple(part.pixels_NCHW.shape)};".encode())
        digest.update(part.pixels_NCHW.numpy().tobytes())
        digest.update(part.labels_N.numpy().tobytes())
    return digest.hexdigest()


def _as_pixels(spec: Input) -> Input:
    """Ask for the same picture as uint8 planes, before scale, mean and std."""
    plain = replace(spec.preprocessing, scale=1.0, mean=(0.0,) * spec.channels, std=(1.0,) * spec.channels)
    return replace(spec, dtype="uint8", layout="NCHW", preprocessing=plain)
