"""What the service works out about a model on this machine and keeps, so that a restart is quick.

    CACHE_DIR/<sha256 of the model>-<runtime>-<processor>/
        optimized/model.onnx, weights.bin   the network as the runtime optimises it; mapped, so processes share pages
        optimized/entry.json                the hash of the graph and the size of the weights
        tuning-<cores>.json                 which form was measured best

Nothing here is needed: a folder that cannot be written, a full disk or a damaged entry costs time and nothing else.
What comes out of it is trusted no more than what was downloaded: the model answers its golden samples afterwards.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
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
            entry = json.loads((home / _ENTRY_FILE).read_bytes())
            graph = (home / _GRAPH_FILE).read_bytes()
            weights = home / WEIGHTS_FILE
            weights_bytes = weights.stat().st_size if weights.exists() else 0
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
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
            unfinished = Path(tempfile.mkdtemp(prefix=".writing-", dir=home))
        except OSError as error:
            log(logging.WARNING, "cache cannot be written", folder=str(self.folder), reason=error.strerror)
            return None
        try:
            write_optimized(model, unfinished / _GRAPH_FILE)
            weights = unfinished / WEIGHTS_FILE
            weights_bytes = weights.stat().st_size if weights.exists() else 0
            entry = _entry((unfinished / _GRAPH_FILE).read_bytes(), weights_bytes=weights_bytes)
            (unfinished / _ENTRY_FILE).write_text(json.dumps(entry), encoding="utf-8")
            _put_in_place(unfinished, home / _OPTIMIZED)
        except (OSError, InferenceError) as error:
            log(logging.WARNING, "optimised model not kept", folder=str(self.folder), reason=str(error))
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
            return (self._home(sha256) / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def write_note(self, sha256: str, name: str, text: str) -> None:
        """Keep a text about a model, where it can be kept."""
        home = self._home(sha256)
        try:
            home.mkdir(parents=True, exist_ok=True)
            unfinished = home / f".{name}.{os.getpid()}"
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(home / name)
        except OSError as error:
            log(logging.WARNING, "cache cannot be written", folder=str(home), reason=error.strerror)

    def _home(self, sha256: str) -> Path:
        return self.folder / f"{sha256[:_HASH_CHARACTERS]}-{RUNTIME}-{processor_kind()}"


def _entry(graph: bytes, *, weights_bytes: int) -> dict[str, object]:
    return {"graph_sha256": hashlib.sha256(graph).hexdigest(), "weights_bytes": weights_bytes}


def _put_in_place(unfinished: Path, home: Path) -> None:
    """Exchange a folder; whoever has mapped the old files keeps them."""
    shutil.rmtree(home, ignore_errors=True)
    try:
        unfinished.rename(home)
    except OSError:
        if not (home / _ENTRY_FILE).exists():  # else another process was quicker, and its entry is as good
            raise
