"""How a run shows itself: a moving bar at a terminal, plain lines in a log; the only importer of rich."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from training.learning.history import EpochRecord
from training.learning.loop import Totals

if TYPE_CHECKING:
    from training.learning.fit import Reporter

_REFRESH_S = 0.2  # reading the sums waits for the device, so it is done no more often than eyes can follow


class Speaker(Protocol):
    """Who is told what happens beside the epochs of a run."""

    def say(self, text: str) -> None:
        """Something happened that one line tells."""


class ConsoleReporter:
    """Shows one line per epoch, and at a terminal a bar with pictures/s, loss, error and time left below it.

    Args:
        console: Where to write.
        clock: Seconds that never go back.

    """

    def __init__(self, console: Console | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self._clock = clock
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._batch_size = 0
        self._steps_waiting = 0
        self._shown_s = 0.0
        self._epochs = 0

    def say(self, text: str) -> None:
        """Write a line."""
        self.console.print(text, markup=False)

    def epoch_begins(self, epoch: int, *, epochs: int, steps: int, first_step: int, batch_size: int) -> None:
        """Show an empty bar; see `training.fit.Reporter`."""
        self._epochs, self._batch_size = epochs, batch_size
        if not self.console.is_terminal:
            return
        self._bar = Progress(
            TextColumn("epoch {task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        self._bar.start()
        self._task = self._bar.add_task(f"{epoch}/{epochs}", total=steps, completed=first_step, figures="")
        self._steps_waiting, self._shown_s = 0, self._clock()

    def step_done(self, totals: Totals) -> None:
        """Move the bar; see `training.fit.Reporter`."""
        if self._bar is None:
            return
        self._steps_waiting += 1
        now_s = self._clock()
        if now_s - self._shown_s < _REFRESH_S:
            return
        seen = totals.seen.item()
        per_s = self._steps_waiting * self._batch_size / (now_s - self._shown_s)
        figures = (
            f"{per_s:,.0f} pictures/s  loss {totals.loss.item() / seen:.3f}  error {totals.wrong.item() / seen:.2%}"
        )
        self._bar.update(self._task, advance=self._steps_waiting, figures=figures)
        self._steps_waiting, self._shown_s = 0, now_s

    def epoch_ends(self, record: EpochRecord, *, best: bool) -> None:
        """Replace the bar by a line; see `training.fit.Reporter`."""
        self.close()
        mark = "  best so far" if best else ""
        left_min = (self._epochs - record.epoch) * record.seconds / 60
        rest = f"  {left_min:,.0f} min left" if left_min >= 1 else ""
        self.say(
            f"epoch {record.epoch:>3}/{self._epochs}  {record.seconds:5.1f} s  {record.pictures_per_s:8,.0f} pictures/s"
            f"  training loss {record.training_loss:.4f} error {record.training_error:7.2%}"
            f"  validation loss {record.validation_loss:.4f} error {record.validation_error:7.2%}{rest}{mark}"
        )

    def close(self) -> None:
        """Take the bar away, so that what is written next stands alone."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class SilentReporter:
    """Shows nothing: for the further processes of a run, and for tests."""

    def say(self, text: str) -> None:
        """Write nothing."""

    def epoch_begins(self, epoch: int, *, epochs: int, steps: int, first_step: int, batch_size: int) -> None:
        """Show nothing."""

    def step_done(self, totals: Totals) -> None:
        """Show nothing."""

    def epoch_ends(self, record: EpochRecord, *, best: bool) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Do nothing."""


class Reporters:
    """Tells several what one is told.

    Args:
        listeners: Told in this order.

    """

    def __init__(self, *listeners: Reporter) -> None:
        self._listeners = listeners

    def epoch_begins(self, epoch: int, *, epochs: int, steps: int, first_step: int, batch_size: int) -> None:
        """Pass it on."""
        for listener in self._listeners:
            listener.epoch_begins(epoch, epochs=epochs, steps=steps, first_step=first_step, batch_size=batch_size)

    def step_done(self, totals: Totals) -> None:
        """Pass it on."""
        for listener in self._listeners:
            listener.step_done(totals)

    def epoch_ends(self, record: EpochRecord, *, best: bool) -> None:
        """Pass it on."""
        for listener in self._listeners:
            listener.epoch_ends(record, best=best)
