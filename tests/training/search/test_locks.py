"""`training.search.locks`: one holder at a time, and none after its death."""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from training.search.locks import FileLock, JournalLock


def _hold(path: Path, told: Connection) -> None:
    with FileLock(path):
        told.send("held")
        signal.pause()


def test_lock_is_free_again_when_its_holder_was_killed(tmp_path: Path) -> None:
    """No one has to wait for a lock of the dead, or to remove it."""
    path = tmp_path / "deep" / "a.lock"
    listening, told = multiprocessing.Pipe()
    holder = multiprocessing.get_context("fork").Process(target=_hold, args=(path, told), daemon=True)
    holder.start()
    assert listening.recv() == "held"
    lock = FileLock(path)
    assert not lock.try_to_take()
    os.kill(holder.pid or 0, signal.SIGKILL)
    holder.join()
    assert lock.try_to_take()
    assert not FileLock(path).try_to_take()
    lock.release()
    with FileLock(path):
        assert not lock.try_to_take()
    assert lock.try_to_take()


def test_journal_takes_the_lock_by_its_own_names(tmp_path: Path) -> None:
    """Optuna's journal and ours agree on who holds it."""
    journal = JournalLock(tmp_path / "j.lock")
    assert journal.acquire()
    assert not FileLock(tmp_path / "j.lock").try_to_take()
    journal.release()
    assert FileLock(tmp_path / "j.lock").try_to_take()
