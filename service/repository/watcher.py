"""Notices versions that appear in the models folder, change there, or go away.

A folder that is being copied grows for a while: a version counts as there when it looked the same twice in a row. What
was there at the first look counts at once.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

from service.errors import ConfigurationError
from service.repository.store import StoredVersion, find_versions
from service.telemetry.logs import log


@dataclass(frozen=True, slots=True)
class Seen:
    """A version folder as it was found.

    Args:
        stored: Where it lies.
        fingerprint: Changes when a file in it does.

    """

    stored: StoredVersion
    fingerprint: str


class Watcher:
    """Looks at the models folder again and again.

    Args:
        models_dir: The folder.

    Raises:
        ConfigurationError: It is missing or cannot be read.

    """

    def __init__(self, models_dir: Path) -> None:
        self._models_dir = models_dir
        self._before = self._all(tell=True)
        self._told_missing = False
        self.at_rest = self._before

    def look(self) -> None:
        """Look again; a folder that cannot be read at the moment, such as a lost mount, changes nothing."""
        try:
            now = self._all(tell=False)
        except ConfigurationError as error:
            if not self._told_missing:
                log(logging.ERROR, "models folder lost", reason=str(error))
            self._told_missing = True
            return
        self._told_missing = False
        resting = {key: seen for key, seen in now.items() if self._before.get(key) == seen}
        growing = {key: seen for key, seen in self.at_rest.items() if key in now and key not in resting}
        self.at_rest = {**growing, **resting}  # one that changes is known as it was before
        self._before = now

    def _all(self, *, tell: bool) -> dict[tuple[str, int], Seen]:
        found = find_versions(self._models_dir, tell=tell)
        return {
            (stored.name, stored.version): Seen(stored, fingerprint(stored.folder))
            for versions in found.values()
            for stored in versions
        }


def fingerprint(folder: Path) -> str:
    """Describe the files of a folder by name, size, time of change and identity, without reading them."""
    lines = []
    for path in sorted(folder.rglob("*")):
        try:
            facts = path.stat()
        except OSError:
            lines.append(f"{path} gone")
        else:
            lines.append(f"{path} {facts.st_size} {facts.st_mtime_ns} {facts.st_ino}")
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()[:16]
