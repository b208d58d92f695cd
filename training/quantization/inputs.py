"""Pictures become inputs of the network, once, through the decoder and preprocessing that serve.

Axes: N pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from service.artifact import Input, Output
from service.engine.preprocessing import decode, to_tensor
from service.errors import InputError
from training.data import Example
from training.data.preprocessing import MAX_PIXELS
from training.errors import DataError
from training.publication.evaluation import Tensors, classify, load_session


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a network is fed for some pictures.

    Args:
        tensors: One per picture, without batch axis.
        labels_N: True classes.

    """

    tensors: Sequence[Tensors]
    labels_N: NDArray[np.int64]  # noqa: N815  # axes in the name

    @classmethod
    def of(cls, examples: Iterable[Example], *, spec: Input) -> Inputs:
        """Decode pictures.

        Raises:
            DataError: A picture cannot be read; the text names it.

        """
        tensors, labels = [], []
        for example in examples:
            try:
                tensors.append(to_tensor(decode(example.encoded, max_pixels=MAX_PIXELS), spec))
            except InputError as error:
                raise DataError(f"{example.origin}: {error}") from error
            labels.append(example.label)
        return cls(tensors, np.array(labels, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.tensors)

    def first(self, count: int) -> Inputs:
        """Take the first so many of them."""
        return Inputs(self.tensors[:count], self.labels_N[:count])

    def batches(self, size: int, *, whole: bool = False) -> Iterable[Tensors]:
        """Give them in portions.

        Args:
            size: Pictures of a portion; the last may be smaller.
            whole: Fill a smaller one up with its first picture, for networks of one batch size.

        """
        for start in range(0, len(self.tensors), size):
            portion = list(self.tensors[start : start + size])
            portion += [portion[0]] * (size - len(portion) if whole else 0)
            yield cast(Tensors, np.stack(portion))  # all of one type

    def probabilities(self, network: bytes, *, spec: Input, output: Output) -> NDArray[np.float32]:
        """Classify them with an ONNX file.

        Returns:
            probabilities_NK.

        """
        return classify(load_session(network, spec=spec, output=output), self.tensors, output=output)
