"""What the service works out about a model on this machine and keeps, so that a restart is quick.

    CACHE_DIR/<sha256 of the model>-<runtime>-<processor>/
        optimized/model.onnx, weights.bin   the network as the runtime optimises it; mapped, so processes share pages
        optimized/entry.json                the hash of the graph and the size of the weights
        tuning-<cores>.json                 which form was measured best

Nothing here is needed: a folder that cannot be written, a full disk or a damaged entry costs time and nothing else.
Entries are looked at for damage, not for malice, and a model answers its golden samples after it came from here; the
folder belongs to this service alone, because whoever writes into it says what the models answer to everything else.
Several processes may use it at once: what is in it is replaced in one step.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from service.engine.cores import processor_kind
from service.engine.session import RUNTIME, WEIGHTS_FILE, write_optimized
from service.errors import InferenceError
from service.telemetry.logs import log

_GRAPH_FILE: Final = "model.onnx"
_ENTRY_FILE: Final = "entry.json"
_OPTIMIZED: Final = "optimized"
_HASH_CHARACTERS: Final = 32
_UNFINISHED: Final = ".writing-"
_ABANDONED_S: Final = 3600.0  # after which what is unfinished was left by a process that died
_MOST_BYTES: Final = 65_536  # of an entry or a note; they have some hundred


@dataclass(frozen=True, slots=True)
class Cache:
    """The cache folder of this machine.

    Args:
        folder: Made when the first entry is written.

    """

    folder: Path

    def optimized(self, sha256: str) -> Path | None:
        """Find the optimised form of a model; None where there is none, or a damaged one.

        Args:
            sha256: Of the published file.

        """
        home = self._home(sha256) / _OPTIMIZED
        try:
            entry = json.loads(_read(home / _ENTRY_FILE))
            graph = (home / _GRAPH_FILE).read_bytes()
            weights = home / WEIGHTS_FILE
            weights_bytes = weights.stat().st_size if weights.exists() else 0
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError, MemoryError) as error:  # whatever a damaged file makes of itself
            log(logging.WARNING, "cache entry left out", folder=str(home), reason=str(error))
            return None
        if entry != _entry(graph, weights_bytes=weights_bytes):
            log(logging.WARNING, "cache entry left out", folder=str(home), reason="its files are not those written")
            return None
        return home / _GRAPH_FILE

    def write_optimized(self, sha256: str, model: bytes) -> Path | None:
        """Write the optimised form of a model, beside one that is in use; None where it cannot be kept.

        Args:
            sha256: Of the published file.
            model: Its bytes.

        """
        home = self._home(sha256)
        try:
            home.mkdir(parents=True, exist_ok=True)
            _clear_away(home)
            unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=home))
        except OSError as error:
            log(logging.WARNING, "cache cannot be written", folder=str(home), reason=str(error))
            return None
        try:
            write_optimized(model, unfinished / _GRAPH_FILE)
            weights = unfinished / WEIGHTS_FILE
            weights_bytes = weights.stat().st_size if weights.exists() else 0
            entry = _entry((unfinished / _GRAPH_FILE).read_bytes(), weights_bytes=weights_bytes)
            (unfinished / _ENTRY_FILE).write_text(json.dumps(entry), encoding="utf-8")
            _flush(unfinished)
            self._put_in_place(unfinished, sha256)
        except (OSError, InferenceError) as error:
            log(logging.WARNING, "optimised model not kept", folder=str(home), reason=str(error))
            return None
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        return self.optimized(sha256)

    def discard(self, sha256: str, *, reason: str) -> None:
        """Throw the optimised form of a model away."""
        home = self._home(sha256) / _OPTIMIZED
        log(logging.WARNING, "cache entry thrown away", folder=str(home), reason=reason)
        shutil.rmtree(home, ignore_errors=True)

    def note(self, sha256: str, name: str) -> str | None:
        """Read what was noted about a model under a name; None where nothing was."""
        try:
            return _read(self._home(sha256) / name).decode()
        except (OSError, ValueError):
            return None

    def write_note(self, sha256: str, name: str, text: str) -> None:
        """Keep a text about a model, where it can be kept."""
        home = self._home(sha256)
        try:
            home.mkdir(parents=True, exist_ok=True)
            # A name of its own: processes of two containers may have the same number.
            unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=home))
            try:
                (unfinished / name).write_text(text, encoding="utf-8")
                (unfinished / name).replace(home / name)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
        except OSError as error:
            log(logging.WARNING, "cache cannot be written", folder=str(home), reason=str(error))

    def _put_in_place(self, unfinished: Path, sha256: str) -> None:
        """Put an entry where it is looked for; whoever has mapped the files of the old one keeps them."""
        home = self._home(sha256) / _OPTIMIZED
        try:
            unfinished.rename(home)
        except OSError:  # one is there
            if self.optimized(sha256) is not None:
                return  # of a process that was quicker, and just as good; somebody may be loading it
            damaged = unfinished.with_name(f"{unfinished.name}-damaged")
            home.rename(damaged)
            unfinished.rename(home)
            shutil.rmtree(damaged, ignore_errors=True)

    def _home(self, sha256: str) -> Path:
        return self.folder / f"{sha256[:_HASH_CHARACTERS]}-{RUNTIME}-{processor_kind()}"


def _entry(graph: bytes, *, weights_bytes: int) -> dict[str, object]:
    return {"graph_sha256": hashlib.sha256(graph).hexdigest(), "weights_bytes": weights_bytes}


def _read(path: Path) -> bytes:
    """Read a small file.

    Raises:
        ValueError: It is none.

    """
    with path.open("rb") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"{path.name} has more than {_MOST_BYTES} bytes")
    return content


def _flush(folder: Path) -> None:
    """Bring files to the disk before their folder gets its name, so that a power cut leaves no entry of zeros."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _clear_away(home: Path) -> None:
    """Remove what processes that died in the middle of writing have left."""
    for path in home.glob(f"{_UNFINISHED}*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED_S:
                shutil.rmtree(path, ignore_errors=True)
