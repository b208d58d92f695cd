"""Every architecture by name: its builder and the facts of its publication.

The counts are those of the network at its own canonical input and classes, without auxiliary heads; the tests
compare them with what is built. Errors are the publication's own, as shares of the pictures of the set that
`measured_on` names.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from training.architectures import papers
from training.architectures.baselines import logistic_regression, mlp
from training.architectures.lenet import lenet5
from training.architectures.papers import Paper


class UnknownArchitectureError(ValueError):
    """No architecture of that name; the text names the closest ones."""

    def __init__(self, name: str) -> None:
        close = difflib.get_close_matches(name, names(), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(close)}?" if close else "`python -m training architectures` lists them all."
        super().__init__(f"There is no architecture {name!r}; {hint}")
        self.name = name
        self.close = tuple(close)


@dataclass(frozen=True, slots=True)
class Facts:
    """What was published about one architecture, and how to build it.

    Attributes:
        builder: called with num_classes, in_channels, input_size and the options of the family.
        paper: where it was first described.
        input_shape: canonical channels, height and width.
        num_classes: canonical classes.
        parameters: trainable numbers at canonical input and classes, without auxiliary heads.
        multiply_adds: those of convolutions and fully connected layers for one picture.
        receptive_field: pixels per side that one unit of the last feature map sees, borders left aside.
        top1_error: published share of pictures whose class is not the first guess; None where nothing was published.
        top5_error: the same for the first five guesses.
        measured_on: set and protocol of the two errors.
    """

    name: str
    builder: Callable[..., nn.Module]
    paper: Paper
    input_shape: tuple[int, int, int]
    num_classes: int
    parameters: int
    multiply_adds: int
    receptive_field: int
    top1_error: float | None = None
    top5_error: float | None = None
    measured_on: str = ""

    @property
    def year(self) -> int:
        """Year of publication."""
        return self.paper.year


def facts(name: str) -> Facts:
    """Look up what is known about one architecture.

    Raises:
        UnknownArchitectureError: there is none of that name.
    """
    try:
        return _CATALOG[name]
    except KeyError:
        raise UnknownArchitectureError(name) from None


def names() -> tuple[str, ...]:
    """List all architectures by year of publication, then by size within a family."""
    return tuple(_CATALOG)


_GREY_28, _GREY_32 = (1, 28, 28), (1, 32, 32)

_ALL = (
    Facts("logistic_regression", logistic_regression, papers.COX_1958, _GREY_28, 10, 7_850, 7_840, 28),
    Facts("mlp", mlp, papers.RUMELHART_1986, _GREY_28, 10, 79_510, 79_400, 28),
    Facts("lenet5", lenet5, papers.LECUN_1998, _GREY_32, 10, 61_706, 416_520, 32),
)
_CATALOG = {entry.name: entry for entry in _ALL}
