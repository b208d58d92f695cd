"""`training.interruption`: the first signal is a wish, the second an order."""

from __future__ import annotations

import os
import signal

import pytest

from training.interruption import Interruption


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_is_noted_and_the_old_handlers_come_back(number: signal.Signals) -> None:
    """Inside, a signal only sets a flag; outside, everything is as before."""
    before = signal.getsignal(number)
    with Interruption() as interruption:
        requested_before = interruption.requested
        os.kill(os.getpid(), number)
        assert (requested_before, interruption.requested) == (False, True)
    assert signal.getsignal(number) is before


def test_second_signal_does_not_wait() -> None:
    """Who presses Ctrl-C twice means it."""
    with Interruption():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
