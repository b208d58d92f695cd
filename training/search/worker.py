"""Which workers are alive, so that the trials of the dead can be taken over.

A worker of this machine holds a lock for as long as it lives, and the system gives the lock back when it dies. Of a
worker elsewhere only its last sign of life is known, which it leaves with its trial from time to time.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Self

from optuna.trial import FrozenTrial, Trial

from training.search.locks import FileLock

WORKER, SIGN_OF_LIFE = "worker", "alive_at"
SIGN_EVERY_S = 60.0
SILENT_S = 15 * 60.0  # no batch takes so long, and no validation should


class Worker:
    """This process as one of those that work on a study; entered, it is known to the others of this machine.

    Args:
        folder: Where the workers' locks lie.
        now_s: Seconds since 1970.

    """

    def __init__(self, folder: Path, *, now_s: Callable[[], float]) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self._folder = folder
        self._now_s = now_s
        self._lock = FileLock(self._lock_path(self.name))
        self._signed_s = 0.0

    def __enter__(self) -> Self:
        self._lock.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.path.unlink(missing_ok=True)
        self._lock.release()

    def others(self) -> int:
        """Count the other live workers of this machine."""
        locks = (FileLock(path) for path in self._folder.glob("*.lock") if path != self._lock.path)
        return sum(not _is_free(lock) for lock in locks)

    def claim(self, trial: Trial) -> None:
        """Write down who trains a trial."""
        trial.set_user_attr(WORKER, self.name)
        self._signed_s = self._now_s()

    def sign(self, trial: Trial) -> None:
        """Leave a sign of life, if the last one is old."""
        if self._now_s() - self._signed_s > SIGN_EVERY_S:
            self._signed_s = self._now_s()
            trial.set_user_attr(SIGN_OF_LIFE, self._signed_s)

    def is_abandoned(self, trial: FrozenTrial) -> bool:
        """Tell whether the worker of a running trial is dead."""
        name = trial.user_attrs.get(WORKER)
        if name == self.name:
            return False
        if name is not None and self._lock_path(name).exists():
            return _is_free(FileLock(self._lock_path(name)))
        return self._now_s() - _last_sign_s(trial) > SILENT_S

    def _lock_path(self, name: str) -> Path:
        return self._folder / f"{name}.lock"


def _is_free(lock: FileLock) -> bool:
    """Find out whether nobody holds a lock."""
    if not lock.try_to_take():
        return False
    lock.release()
    return True


def _last_sign_s(trial: FrozenTrial) -> float:
    started = trial.datetime_start or datetime.now()  # noqa: DTZ005  # Optuna's times are local and without a zone
    return float(trial.user_attrs.get(SIGN_OF_LIFE, started.timestamp()))
