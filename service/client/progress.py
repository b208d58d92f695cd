"""How far the work is, on standard error: a bar on a terminal, now and then a plain line elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TextIO

_BAR_CELLS: Final = 24
_BAR_PAUSE_S: Final = 0.1
_LINE_PAUSE_S: Final = 10.0
_CLEAR: Final = "\r\x1b[K"


@dataclass(slots=True)
class Progress:
    """Counts pictures and shows the count.

    Args:
        stream: Where it is shown.
        total: How many there will be.
        is_terminal: Whether a line there can be written over.
        clock: Seconds, monotonic.

    """

    stream: TextIO
    total: int
    is_terminal: bool
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    failed: int = 0
    started_s: float = field(init=False)
    _shown_s: float = field(init=False)
    _is_visible: bool = False

    def __post_init__(self) -> None:
        self.started_s = self.clock()
        self._shown_s = self.started_s

    def advance(self, *, failed: bool) -> None:
        """Count one picture, and show it where the last time was a while ago."""
        self.done += 1
        self.failed += failed
        now_s = self.clock()
        if now_s - self._shown_s >= (_BAR_PAUSE_S if self.is_terminal else _LINE_PAUSE_S):
            self._shown_s = now_s
            self._show()

    def hide(self) -> None:
        """Take the bar away, so that something else can be written in its place."""
        if self._is_visible:
            self.stream.write(_CLEAR)
            self.stream.flush()
            self._is_visible = False

    def finish(self, *, passed_over: int, interrupted: bool) -> None:
        """Say in one line what became of everything."""
        self.hide()
        took_s = self.clock() - self.started_s
        pictures = "1 picture" if self.total == 1 else f"{self.total} pictures"
        facts = [f"{self.done - self.failed} of {pictures} classified"]
        facts += [f"{self.failed} failed"] if self.failed else []
        facts += [f"{passed_over} other files passed over"] if passed_over else []
        rate = f"{took_s:.1f} s, {self._rate():.0f} a second"
        self._write(f"{'interrupted: ' if interrupted else ''}{', '.join(facts)}; {rate}\n")

    def _rate(self) -> float:
        return self.done / max(self.clock() - self.started_s, 1e-9)

    def _show(self) -> None:
        share = self.done / max(self.total, 1)
        failed = f", {self.failed} failed" if self.failed else ""
        counts = f"{self.done} of {self.total}{failed}, {self._rate():.0f} a second"
        if not self.is_terminal:
            self._write(f"{counts}\n")
            return
        cells = round(share * _BAR_CELLS)
        left_s = (self.total - self.done) / max(self._rate(), 1e-9)
        bar = f"[{'#' * cells}{'.' * (_BAR_CELLS - cells)}] {share:4.0%}"
        self._write(f"{_CLEAR}{bar}  {counts}, {_minutes(left_s)} left")
        self._is_visible = True

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
