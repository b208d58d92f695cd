"""Ctrl-C that waits for the end of a step: the signal is noted, the loop asks, the state is saved.

A second Ctrl-C does not wait.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any, Self


class Interruption:
    """While it is entered, SIGINT and SIGTERM only set `requested`; the second signal raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
