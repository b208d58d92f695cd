"""Changes a file of hashed keys on an operator's behalf: adds a new key, or removes one.

The rest of the file stays as it was written, comments included. The new file takes the place of the old one in one
step, so that a service which watches it never sees half of it; of two operators who use this program, the second waits.
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from service.errors import InvalidParameterError, KeyFileError
from service.security.key_file import is_toml, parse_keys, telling_lines
from service.security.keys import NAME, NAMES_ARE, Key, digest_of, new_key
from service.security.rate_limit import Rate

_NEW_MODE: Final = 0o600
_HEADING: Final = "# Keys of the service, as hashes alone; `python -m service keys` changes this file.\n"
_TABLE: Final = re.compile(r"\s*\[\s*keys\s*\.\s*([\"']?)([A-Za-z0-9_-]+)\1\s*\]")
_ENCODING: Final = "utf-8"


def add_key(path: Path, *, name: str, rate: Rate | None = None) -> str:
    """Make a key and write its hash into the file, which is made where it is not there.

    Returns:
        The key, which nothing keeps.

    Raises:
        InvalidParameterError: The name is none.
        KeyFileError: The file cannot be used, holds plain keys, is full, or holds that name already.

    """
    if NAME.fullmatch(name) is None:
        raise InvalidParameterError("name", value=name, expected=NAMES_ARE)
    key = new_key()
    with _alone(path) as target:
        text, before = _hashed_keys(path, target)
        if name in {known.name for known in before}:
            raise KeyFileError(path, reason=f"holds a key {name!r} already; remove it first, or choose another name.")
        table = f'[keys.{name}]\nsha256 = "{digest_of(key).hex()}"\n' + (f'rate = "{rate}"\n' if rate else "")
        changed = f"{text.rstrip()}\n\n{table}" if text.strip() else f"{_HEADING}\n{table}"
        _require_holds(path, changed, (*before, Key(name, digest_of(key), rate)))
        _replace(target, changed)
    return key


def remove_key(path: Path, *, name: str) -> None:
    """Take a key out of the file; without its last one it lets nobody in.

    Raises:
        KeyFileError: The file cannot be used, holds plain keys, or no such key, or is written in a way of its own.

    """
    with _alone(path) as target:
        text, before = _hashed_keys(path, target)
        kept = tuple(key for key in before if key.name != name)
        if kept == before:
            known = ", ".join(key.name for key in before) or "none"
            raise KeyFileError(path, reason=f"holds no key {name!r}; known keys: {known}.")
        changed = _without(text, name)
        if not telling_lines(changed):
            changed += "[keys]\n"
        _require_holds(path, changed, kept)
        _replace(target, changed)


@contextmanager
def _alone(path: Path) -> Iterator[Path]:
    """Keep others who use this program away; hands out the file itself where the path is a link to it."""
    target = Path(os.path.realpath(path))
    try:
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise KeyFileError(path, reason=f"its folder cannot be used ({error.strerror}).") from error
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield target
    except OSError as error:
        raise KeyFileError(path, reason=f"cannot be changed ({error.strerror}).") from error
    finally:
        os.close(folder)


def _hashed_keys(path: Path, target: Path) -> tuple[str, tuple[Key, ...]]:
    """Read the file, which need not be there yet, as text and as keys."""
    text = target.read_bytes().decode(_ENCODING, errors="replace") if target.exists() else ""
    if not telling_lines(text):
        return text, ()
    if not is_toml(text):
        raise KeyFileError(path, reason="holds the keys themselves; change it where it is made, or start a new file.")
    return text, parse_keys(path, text)


def _without(text: str, name: str) -> str:
    """Leave out the lines of one table; comments stay, because they may belong to the next."""
    kept = []
    is_inside = False
    for line in text.splitlines(keepends=True):
        if line.lstrip().startswith("["):
            heading = _TABLE.match(line)
            is_inside = heading is not None and heading[2] == name
        if not is_inside or line.lstrip().startswith("#"):
            kept.append(line)
    return "".join(kept)


def _require_holds(path: Path, text: str, keys: tuple[Key, ...]) -> None:
    """Refuse to write what would not be read as it is meant."""
    if parse_keys(path, text) != keys:
        raise KeyFileError(path, reason="is written in a way that this program cannot change; edit it by hand.")


def _replace(target: Path, text: str) -> None:
    """Put a new file in the place of the old one, with its mode and owner."""
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    written = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode(_ENCODING))
            _take_after(target, file.fileno())
            file.flush()
            os.fsync(file.fileno())
        written.replace(target)
    finally:
        written.unlink(missing_ok=True)


def _take_after(target: Path, handle: int) -> None:
    try:
        found = target.stat()
    except FileNotFoundError:
        os.fchmod(handle, _NEW_MODE)
        return
    with suppress(PermissionError):  # only root may give a file away
        os.fchown(handle, found.st_uid, found.st_gid)
    os.fchmod(handle, found.st_mode & 0o777)
