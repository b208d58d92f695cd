"""The keys that are in force, kept like their file without a restart.

A thread looks at each file's stamp once a second and reads the file when that has changed, so neither a slow disk nor a
large file holds up a request. A file that took the place of another is read at once; one that is written in place is
read when it has been the same for two looks, because the first may have come in the middle. A file that cannot be used,
or is gone, leaves the keys as they are and says so: nobody is locked out, or let in, by a mistake in a file.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from service.errors import KeyFileError
from service.security.key_file import KeyFile, Stamp, read_key_file, stamp_of
from service.security.keys import KeyRing
from service.telemetry.logs import log

LOOK_S: Final = 1.0


class WatchedKeys:
    """The keys of one file.

    Args:
        path: Of the file.
        on_change: Called after every reading with the keys in force, and the error where the file could not be used.

    Raises:
        KeyFileError: The file cannot be used; there are no older keys yet that could stay.

    """

    def __init__(self, path: Path, *, on_change: Callable[[KeyRing, KeyFileError | None], None]) -> None:
        self._path = path
        self._on_change = on_change
        self._changing: Stamp | None = None
        self._settled: Stamp | None = None
        self.ring = KeyRing(())
        self._take(read_key_file(path))

    def look(self) -> None:
        """Read the file anew where it has changed."""
        try:
            seen: Stamp | None = stamp_of(self._path.stat())
        except OSError:
            seen = None
        if seen == self._settled:
            return
        in_place = seen is not None and self._settled is not None and seen.identity == self._settled.identity
        if in_place and seen != self._changing:
            self._changing = seen
            return
        try:
            self._take(read_key_file(self._path))
        except KeyFileError as error:
            self._settled = seen
            log(logging.ERROR, "keys not read, the old ones stay", file=str(self._path), reason=error.reason)
            self._on_change(self.ring, error)

    def _take(self, file: KeyFile) -> None:
        before = {key.name: key for key in self.ring.keys}
        self._settled = file.stamp
        self.ring = KeyRing(file.keys)
        after = {key.name: key for key in file.keys}
        log(
            logging.INFO,
            "keys read",
            file=str(self._path),
            keys=len(after),
            added=sorted(after.keys() - before.keys()),
            removed=sorted(before.keys() - after.keys()),
            changed=sorted(name for name in after.keys() & before.keys() if after[name] != before[name]),
        )
        if file.warning:
            log(logging.WARNING, "a file of keys is too open", file=str(self._path), reason=file.warning)
        self._on_change(self.ring, None)


class KeyWatch:
    """The thread that looks at the files.

    Args:
        watched: What it looks at.
        look_s: Seconds between two looks.

    """

    def __init__(self, watched: Sequence[WatchedKeys], *, look_s: float = LOOK_S) -> None:
        self._watched = watched
        self._look_s = look_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keys", daemon=True)

    def start(self) -> None:
        """Begin to look, where there is anything to look at."""
        if self._watched:
            self._thread.start()

    def stop(self) -> None:
        """Look no more; a look under way, on a disk that does not answer, is not waited for."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.wait(self._look_s):
            for keys in self._watched:
                try:
                    keys.look()
                except Exception as error:  # noqa: BLE001  whatever it is, later changes must still be noticed
                    log(logging.ERROR, "keys not read, the old ones stay", error=error)
