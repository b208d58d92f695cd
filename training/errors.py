"""Every way in which training can fail that a person can mend.

    ConvserveError
    └── TrainingError
        ├── RecipeError             a recipe that does not exist, or that says something it cannot mean
        ├── DataError               pictures that are missing, unreadable or do not fit the recipe
        ├── DeviceError             a device, precision or number of processes that this machine does not offer
        ├── CheckpointError         a checkpoint that is missing, damaged or of another run
        ├── ExportError             an ONNX file that does not compute what PyTorch computes
        ├── PublicationError        a version that exists, a model that fails its own verification
        └── InterruptedRunError     Ctrl-C; the run can be resumed

The command line prints the text of any of these and ends; so each text names the offending value and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from service.errors import ConvserveError


class TrainingError(ConvserveError):
    """Root of what training raises on purpose."""


class RecipeError(TrainingError):
    """A recipe that cannot be followed."""


class DataError(TrainingError):
    """Pictures that cannot be used."""


class DeviceError(TrainingError):
    """Hardware that was asked for and is not here."""


class CheckpointError(TrainingError):
    """A checkpoint that cannot be continued from."""


class ExportError(TrainingError):
    """An ONNX file that differs from the network it was made of."""


class PublicationError(TrainingError):
    """A model that cannot be published."""


class InterruptedRunError(TrainingError):
    """The run was asked to stop and saved its state first."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Word a hint: the closest known words, or all of them where none is close."""
    known = list(known)
    close = difflib.get_close_matches(word, known, n=2, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(map(repr, close))}?"
    return f"known are {', '.join(known) or 'none'}."
