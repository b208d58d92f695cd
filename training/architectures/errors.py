"""What can be wrong with the request for a network.

These derive from nothing of the service, because this package stands alone with torch.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import TypeVar

Choice = TypeVar("Choice")


class UnknownArchitectureError(ValueError):
    """No architecture of that name; the text names the closest ones."""

    def __init__(self, name: str, *, known: Sequence[str]) -> None:
        close = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(close)}?" if close else "`python -m training architectures` lists them all."
        super().__init__(f"There is no architecture {name!r}; {hint}")
        self.name = name
        self.close = tuple(close)


class ArchitectureOptionError(ValueError):
    """An architecture was asked for in a form that it does not have."""


def chosen(option: str, value: str, *, among: Mapping[str, Choice]) -> Choice:
    """Look up what the value of an option stands for.

    Raises:
        ArchitectureOptionError: the option has no such value; the text lists those that it has.
    """
    if value not in among:
        raise ArchitectureOptionError(f"{option} may be {', '.join(among)}, not {value!r}.")
    return among[value]
