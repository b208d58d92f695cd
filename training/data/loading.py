"""One pass through the pictures of a split: which are broken, which are the same, what their pixels amount to.

Small splits are kept in memory on the way; of large ones only what was found out is kept, and `streaming.py` decodes
them again in every epoch. Both ways come to the same pixels, names, statistics and fingerprint.

Axes: N pictures, C channels, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from service.artifact import Input
from training.data import Examples
from training.data.decoding import Decoder, Problem
from training.data.pictures import ChannelCounts, Fingerprint, Pictures, add_part, keys_of
from training.data.streaming import StreamedPictures, in_order


@dataclass(slots=True)
class Findings:
    """What a pass found out.

    Args:
        keys: Name of each picture by its pixels, broken ones included.
        problems: Pictures that cannot be used.
        counts: Values of the pixels, black ones of broken pictures included.

    """

    keys: list[bytes] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    counts: ChannelCounts = field(default_factory=ChannelCounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A split whose broken pictures are sorted out.

    Args:
        pictures: Decoded, or ready to be decoded again and again.
        examples: The same pictures as their files are.
        keys: Their names by their pixels.
        counts: Values of their pixels.
        problems: Pictures that were sorted out.

    """

    pictures: Pictures | StreamedPictures
    examples: Examples
    keys: list[bytes]
    counts: ChannelCounts
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loader:
    """Passes through the splits of one data set.

    Args:
        spec: The network's input.
        workers: Processes that decode.
        skip_broken: Go on without pictures that cannot be used; else they are only reported.
        fingerprint: Of the splits loaded so far, in this order.

    """

    spec: Input
    workers: int
    skip_broken: bool
    fingerprint: Fingerprint = field(default_factory=Fingerprint)

    def look_through(self, examples: Examples) -> tuple[Examples, Findings]:
        """Decode pictures once and keep none.

        Returns:
            The pictures that can be used, and what was found out about them; only the problems are of the others.

        """
        found = Findings()
        for _ in self._pass(examples, found):
            pass
        good = _good(examples, found)
        found.keys = [found.keys[position] for position in good]
        return examples.select(good), found

    def into_memory(self, examples: Examples) -> Loaded:
        """Decode pictures into one block."""
        found, start = Findings(), 0
        pixels_NCHW = np.empty((len(examples), *self._shape), dtype=np.uint8)
        for portion_NCHW in self._pass(examples, found):
            pixels_NCHW[start : start + len(portion_NCHW)] = portion_NCHW
            start += len(portion_NCHW)
        good = _good(examples, found)
        if found.problems:
            pixels_NCHW = pixels_NCHW[good]
            found.counts = ChannelCounts()
            found.counts.add(pixels_NCHW)
        kept = examples.select(good)
        pictures = Pictures(torch.from_numpy(pixels_NCHW), torch.from_numpy(kept.labels_N.copy()))
        add_part(self.fingerprint, pictures)
        keys = [found.keys[position] for position in good]
        return Loaded(pictures=pictures, examples=kept, keys=keys, counts=found.counts, problems=tuple(found.problems))

    def streamed(self, examples: Examples) -> Loaded:
        """Look through pictures that will be decoded again in every epoch.

        Where some are broken, the others are looked through a second time: only then is their number known, with which
        the fingerprint begins.
        """
        before = self.fingerprint.copy()
        found = self._fingerprinted(examples)
        problems = tuple(found.problems)
        if problems and self.skip_broken:
            examples = examples.select(_good(examples, found))
            self.fingerprint.go_back_to(before)
            found = self._fingerprinted(examples)
        return Loaded(
            pictures=StreamedPictures.of(examples, Decoder(examples, self.spec), workers=self.workers),
            examples=examples,
            keys=found.keys,
            counts=found.counts,
            problems=problems,
        )

    def _fingerprinted(self, examples: Examples) -> Findings:
        found = Findings()
        self.fingerprint.begin_part((len(examples), *self._shape))
        for portion_NCHW in self._pass(examples, found):
            self.fingerprint.add_pixels(portion_NCHW)
        self.fingerprint.end_part(torch.from_numpy(examples.labels_N))
        return found

    def _pass(self, examples: Examples, found: Findings) -> Iterator[NDArray[np.uint8]]:
        """Decode everything once, in order, writing down what is found."""
        for decoded in in_order(Decoder(examples, self.spec).decode, count=len(examples), workers=self.workers):
            found.problems += decoded.problems
            found.keys += keys_of(decoded.pixels_NCHW)
            found.counts.add(decoded.pixels_NCHW)
            yield decoded.pixels_NCHW

    @property
    def _shape(self) -> tuple[int, int, int]:
        return self.spec.channels, self.spec.height, self.spec.width


def _good(examples: Examples, found: Findings) -> NDArray[np.int64]:
    broken = np.array([problem.position for problem in found.problems], dtype=np.int64)
    return np.setdiff1d(np.arange(len(examples)), broken)
