"""`training.learning.progress`: a bar for eyes, lines for logs."""

from __future__ import annotations

import io
import itertools

import torch
from rich.console import Console

from training.learning.history import EpochRecord
from training.learning.loop import Totals
from training.learning.progress import ConsoleReporter

RECORD = EpochRecord(
    epoch=2,
    learning_rate=0.1,
    training_loss=0.5,
    training_error=0.25,
    validation_loss=0.75,
    validation_error=0.125,
    seconds=3.0,
    pictures_per_s=12345.0,
)


def _totals(steps: int) -> Totals:
    return Totals(torch.tensor(10.0 * steps), torch.tensor(5 * steps), torch.tensor(20 * steps))


def _shown(*, terminal: bool) -> str:
    """Show an epoch of four steps, with half a second between two looks at the clock."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=160, highlight=False, soft_wrap=True)
    ticks = itertools.count()
    reporter = ConsoleReporter(console, clock=lambda: next(ticks) * 0.5)
    reporter.epoch_begins(2, epochs=9, steps=4, first_step=0, batch_size=20)
    for step in range(1, 5):
        reporter.step_done(_totals(step))
    reporter.epoch_ends(RECORD, best=True)
    reporter.say("[text] in brackets stays")
    return stream.getvalue()


def test_log_gets_one_line_per_epoch_with_every_figure() -> None:
    """No bar and no control characters where nobody watches."""
    epoch, said = _shown(terminal=False).splitlines()
    for figure in ("2/9", "3.0 s", "12,345 pictures/s", "0.5000", "25.00%", "0.7500", "12.50%", "best so far"):
        assert figure in epoch
    assert said == "[text] in brackets stays"


def test_terminal_gets_a_bar_with_speed_loss_and_error() -> None:
    """Twenty pictures in half a second are forty a second; the sums are shown per picture."""
    shown = _shown(terminal=True)
    assert "40 pictures/s  loss 0.500  error 25.00%" in shown
    assert "4/4" in shown
    assert "best so far" in shown
