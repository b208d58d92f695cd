"""Reads a file of keys, in either of two forms.

TOML that holds hashes alone, as `python -m service keys` writes it:

    [keys.mobile-app]
    sha256 = "..."
    rate = "600/min"

or lines that hold the keys themselves, as secret stores hand them out; a file of one bare key is that key under the
file's own name:

    # name: key [rate]
    mobile-app: 6f1c... 600/min

A file without any line is taken for one that is being written, not for one that lets nobody in; `[keys]` alone is that.
Messages name lines and never show them, since any part of a file may be a key.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from service.errors import InvalidParameterError, KeyFileError
from service.security.keys import LEAST_CHARACTERS, MOST_CHARACTERS, NAME, NAMES_ARE, Key, digest_of
from service.security.rate_limit import read_rate

MOST_KEYS: Final = 1000
MOST_BYTES: Final = 2**20
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_POSITION: Final = re.compile(r"\(at (line \d+), column \d+\)")
_ALLOWED: Final = frozenset({"sha256", "rate"})


@dataclass(frozen=True, slots=True)
class Stamp:
    """Tells whether a file is still the one that was read.

    Args:
        identity: Of the file itself, whatever is in it: device and inode.
        state: Changes whenever it is written to or its mode is changed.

    """

    identity: tuple[int, int]
    state: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What a file of keys holds.

    Args:
        keys: In their order.
        form: `hashes` for TOML, `lines` for the keys themselves.
        stamp: Of the file that was read.
        warning: What is wrong with its permissions, or None.

    """

    keys: tuple[Key, ...]
    form: Literal["hashes", "lines"]
    stamp: Stamp
    warning: str | None


def stamp_of(found: os.stat_result) -> Stamp:
    """Stamp a file."""
    return Stamp((found.st_dev, found.st_ino), (found.st_mtime_ns, found.st_ctime_ns, found.st_size))


def read_key_file(path: Path) -> KeyFile:
    """Read all keys of a file.

    Raises:
        KeyFileError: It is missing, unreadable, or wrong in any part; keys are taken all or none.

    """
    text, found = _read(path)
    keys = parse_keys(path, text)
    form: Literal["hashes", "lines"] = "hashes" if is_toml(text) else "lines"
    return KeyFile(keys, form, stamp_of(found), _permission_warning(found.st_mode, form))


def parse_keys(path: Path, text: str) -> tuple[Key, ...]:
    """Read the keys out of a file's text.

    Raises:
        KeyFileError: It is wrong in any part.

    """
    keys = _keys_of_toml(path, text) if is_toml(text) else _keys_of_lines(path, text)
    if len(keys) > MOST_KEYS:
        raise KeyFileError(path, reason=f"holds {len(keys)} keys; at most {MOST_KEYS} are served.")
    _require_different(path, keys)
    return keys


def is_toml(text: str) -> bool:
    """Tell the two forms apart: the first line that says anything is a table in one and none in the other."""
    return next(iter(telling_lines(text)), (0, ""))[1].startswith("[")


def telling_lines(text: str) -> list[tuple[int, str]]:
    """Number the lines that say anything, from 1."""
    stripped = ((number, line.strip()) for number, line in enumerate(text.splitlines(), 1))
    return [(number, line) for number, line in stripped if line and not line.startswith("#")]


def _read(path: Path) -> tuple[str, os.stat_result]:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe that has no writer would be waited for
            raise KeyFileError(path, reason="is no file.")
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise KeyFileError(path, reason=f"cannot be read ({error.strerror}).") from error
    if len(data) > MOST_BYTES:
        raise KeyFileError(path, reason=f"has more than {MOST_BYTES} bytes.")
    try:
        return data.decode("utf-8-sig"), found
    except UnicodeDecodeError:
        raise KeyFileError(path, reason="is no UTF-8 text.") from None  # the cause would show its bytes


def _keys_of_toml(path: Path, text: str) -> tuple[Key, ...]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _POSITION.search(str(error))
        raise KeyFileError(path, reason=f"is no TOML ({place[1] if place else 'it ends too early'}).") from None
    tables = document.get("keys")
    if set(document) != {"keys"} or not isinstance(tables, dict):
        raise KeyFileError(path, reason='may hold tables such as [keys.mobile-app] and nothing else; "[keys]" is none.')
    return tuple(_key_of_table(path, number, name, table) for number, (name, table) in enumerate(tables.items(), 1))


def _key_of_table(path: Path, number: int, name: str, table: Any) -> Key:  # noqa: ANN401  whatever the file holds
    which = f"table {number} of [keys]"
    if NAME.fullmatch(name) is None:
        raise KeyFileError(path, reason=f"{which} has a name that is none: {NAMES_ARE}.")
    if not isinstance(table, dict) or not _ALLOWED.issuperset(table) or "sha256" not in table:
        raise KeyFileError(path, reason=f"{which} needs sha256, and may have rate, and nothing else.")
    sha256 = table["sha256"]
    if not isinstance(sha256, str) or _SHA256.fullmatch(sha256) is None:
        raise KeyFileError(path, reason=f"sha256 of {which} must be 64 hexadecimal digits in small letters.")
    return _key(path, which, name=name, digest=bytes.fromhex(sha256), rate=table.get("rate"))


def _keys_of_lines(path: Path, text: str) -> tuple[Key, ...]:
    lines = telling_lines(text)
    if not lines:
        raise KeyFileError(
            path, reason="is empty. `python -m service keys add NAME` writes a key; [keys] alone lets nobody in."
        )
    if len(lines) == 1 and ":" not in lines[0][1]:
        return (_key_of_line(path, lines[0][0], path.stem, lines[0][1]),)
    keys = []
    for number, line in lines:
        name, colon, rest = line.partition(":")
        if not colon:
            raise KeyFileError(path, reason=f"line {number} must be `name: key`, or `name: key rate`.")
        keys.append(_key_of_line(path, number, name.strip(), rest))
    return tuple(keys)


def _key_of_line(path: Path, number: int, name: str, rest: str) -> Key:
    which = f"line {number}"
    secret, _, rate = rest.strip().partition(" ")
    if NAME.fullmatch(name) is None:
        raise KeyFileError(path, reason=f"{which} has a name that is none: {NAMES_ARE}.")
    if not (secret.isascii() and secret.isprintable() and LEAST_CHARACTERS <= len(secret) <= MOST_CHARACTERS):
        raise KeyFileError(
            path, reason=f"the key in {which} must be {LEAST_CHARACTERS} to {MOST_CHARACTERS} ASCII characters."
        )
    return _key(path, which, name=name, digest=digest_of(secret), rate=rate or None)


def _key(path: Path, which: str, *, name: str, digest: bytes, rate: object) -> Key:
    if rate is None:
        return Key(name, digest)
    try:
        return Key(name, digest, read_rate(str(rate)))
    except InvalidParameterError as error:
        raise KeyFileError(path, reason=f"the rate of {which} must be {error.expected}.") from None


def _require_different(path: Path, keys: tuple[Key, ...]) -> None:
    if len({key.name for key in keys}) < len(keys):
        raise KeyFileError(path, reason="two keys have the same name.")
    if len({key.digest for key in keys}) < len(keys):
        raise KeyFileError(path, reason="two names have the same key.")


def _permission_warning(mode: int, form: Literal["hashes", "lines"]) -> str | None:
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "other users may write to it: chmod go-w"
    if form == "lines" and mode & stat.S_IROTH:
        return "every user may read the keys in it: chmod o-r, or keep hashes alone (`python -m service keys add`)"
    return None
