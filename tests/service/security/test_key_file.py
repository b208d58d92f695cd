"""Files of keys are read whole or refused, in either form, and no message shows what stands in them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.errors import KeyFileError
from service.security.key_file import MOST_BYTES, MOST_KEYS, read_key_file
from service.security.keys import Key
from service.security.rate_limit import Rate

SECRET: Final = "correct-horse-battery-staple"
OTHER: Final = "another-secret-of-some-length"


def sha256(text: str) -> str:
    """Hash independently of the code under test."""
    return hashlib.sha256(text.encode()).hexdigest()


def written(folder: Path, text: str, *, name: str = "keys") -> Path:
    """Write a file that only its owner may read."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def test_hashes_are_read_with_their_rates(tmp_path: Path) -> None:
    """TOML as `keys add` writes it, with comments and an order of its own."""
    text = f"""
# phones
[keys.mobile-app]
sha256 = "{sha256(SECRET)}"
rate = "600/min"

[keys."batch_2"]  # nightly
sha256 = '{sha256(OTHER)}'
"""
    file = read_key_file(written(tmp_path, text))
    assert file.form == "hashes"
    assert file.keys == (
        Key("mobile-app", bytes.fromhex(sha256(SECRET)), Rate(600, 60)),
        Key("batch_2", bytes.fromhex(sha256(OTHER))),
    )


def test_lines_are_read_with_their_rates(tmp_path: Path) -> None:
    """As a secret store hands them out; Windows' line ends and a byte order mark do no harm."""
    text = f"\ufeff# ours\r\nmobile-app: {SECRET} 5/h\r\n\r\nbatch:{OTHER}\r\n"
    file = read_key_file(written(tmp_path, text))
    assert file.form == "lines"
    assert file.keys == (
        Key("mobile-app", bytes.fromhex(sha256(SECRET)), Rate(5, 3600)),
        Key("batch", bytes.fromhex(sha256(OTHER))),
    )


def test_a_bare_key_has_the_name_of_its_file(tmp_path: Path) -> None:
    """What `openssl rand -hex 32 > admin-key` makes."""
    file = read_key_file(written(tmp_path, f"{SECRET}\n", name="admin-key"))
    assert file.keys == (Key("admin-key", bytes.fromhex(sha256(SECRET))),)


def test_an_empty_table_lets_nobody_in(tmp_path: Path) -> None:
    """The one way to say that there are no keys."""
    assert read_key_file(written(tmp_path, "# none left\n[keys]\n")).keys == ()


GOOD: Final = f'[keys.a]\nsha256 = "{sha256(SECRET)}"\n'
REFUSED: Final = {
    "empty": ("", "is empty"),
    "only comments": ("# soon\n", "is empty"),
    "half of a table": ("[keys.a]\nsha256 = ", "is no TOML"),
    "a table twice": (GOOD + GOOD, "is no TOML (line 3)"),
    "another table": (GOOD + "[key.b]\n", "nothing else"),
    "keys that are no table": ("[[keys]]\nsha256 = 1\n", "nothing else"),
    "no hash": ("[keys.a]\nrate = '1/s'\n", "table 1 of [keys] needs sha256"),
    "an unknown entry": (GOOD + "scope = 'all'\n", "nothing else"),
    "a plain key in TOML": (f"[keys.a]\nsha256 = '{SECRET}'\n", "64 hexadecimal digits"),
    "a hash that is no text": ("[keys.a]\nsha256 = 7\n", "64 hexadecimal digits"),
    "capital digits": (GOOD.replace(sha256(SECRET), sha256(SECRET).upper()), "in small letters"),
    "a rate that is none": (GOOD + "rate = 'often'\n", "the rate of table 1 of [keys] must be a number and a time"),
    "a rate that is no text": (GOOD + "rate = 600\n", "the rate of table 1"),
    "a name that is none": (GOOD.replace("keys.a", "keys.'a b'"), "a name that is none"),
    "an empty name": (GOOD.replace("keys.a", "keys.''"), "a name that is none"),
    "one key for two names": (GOOD + GOOD.replace("keys.a", "keys.b"), "two names have the same key"),
    "a line without a colon": (f"a: {SECRET}\n{OTHER}\n", "line 2 must be"),
    "a short key": ("a: fifteen-letters\n", "the key in line 1 must be 16 to 512"),
    "a long key": (f"a: {'x' * 513}\n", "the key in line 1 must be 16 to 512"),
    "a key of other letters": ("a: schlüsselschlüssel\n", "ASCII"),
    "a line's rate that is none": (f"a: {SECRET} often\n", "the rate of line 1"),
    "a line's name that is none": (f"a b: {SECRET}\n", "line 1 has a name that is none"),
    "a name twice": (f"a: {SECRET}\na: {OTHER}\n", "two keys have the same name"),
    "too many keys": ("".join(f"a{n}: {n:016}\n" for n in range(MOST_KEYS + 1)), f"holds {MOST_KEYS + 1} keys"),
    "too many bytes": (f"# {'x' * MOST_BYTES}\n", "more than"),
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_file_that_is_wrong_in_any_part_is_refused_as_a_whole(tmp_path: Path, text: str, reason: str) -> None:
    """With the place and what should stand there; what does stand there may be a key, and is not shown."""
    path = written(tmp_path, text)
    with pytest.raises(KeyFileError) as caught:
        read_key_file(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert reason in str(caught.value)
    for secret in (SECRET, OTHER, sha256(SECRET), "fifteen-letters", "schl", "often"):
        assert secret not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_most_keys_there_may_be_are_read(tmp_path: Path) -> None:
    """The bound itself is within it."""
    text = "".join(f"a{number}: {number:016}\n" for number in range(MOST_KEYS))
    assert len(read_key_file(written(tmp_path, text)).keys) == MOST_KEYS


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    """Nothing there, a folder, a pipe that nobody writes to, bytes that are no text."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "bytes").write_bytes(b"a: \xff\xfe secret-bytes-secret\n")
    for name, reason in [("nothing", "No such file"), (".", "no file"), ("pipe", "no file"), ("bytes", "no UTF-8")]:
        with pytest.raises(KeyFileError, match=reason):
            read_key_file(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "mode", "warning"),
    [
        (GOOD, 0o644, None),
        (GOOD, 0o664, "chmod go-w"),
        (GOOD, 0o602, "chmod go-w"),
        (f"a: {SECRET}\n", 0o600, None),
        (f"a: {SECRET}\n", 0o640, None),
        (f"a: {SECRET}\n", 0o644, "chmod o-r"),
        (f"a: {SECRET}\n", 0o666, "chmod go-w"),
    ],
)
def test_permissions_that_are_too_open_are_told(tmp_path: Path, text: str, mode: int, warning: str | None) -> None:
    """Nobody but the owner may add a key; hashes may be read by all, keys by a group at most."""
    path = written(tmp_path, text)
    path.chmod(mode)
    found = read_key_file(path).warning
    assert found is None if warning is None else warning in str(found)


def test_the_stamp_changes_with_every_change_and_with_nothing_else(tmp_path: Path) -> None:
    """A new content, a new mode, and a new file of the same content; not a mere reading."""
    path = written(tmp_path, GOOD)
    first = read_key_file(path).stamp
    assert read_key_file(path).stamp == first
    os.utime(path, ns=(1, 1))
    second = read_key_file(path).stamp
    replacement = written(tmp_path, GOOD, name="new")
    replacement.replace(path)
    third = read_key_file(path).stamp
    assert len({first, second, third}) == 3
    assert first.identity == second.identity != third.identity


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=200) | st.text(alphabet="[]keys.a:=\"'\n #0123456789", max_size=200))
def test_any_text_is_keys_or_a_refusal(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """And nothing else, whatever an editor leaves behind."""
    path = tmp_path_factory.getbasetemp() / "any-text"
    path.write_text(text, encoding="utf-8", errors="replace")
    try:
        keys = read_key_file(path).keys
    except KeyFileError:
        return
    assert len({key.name for key in keys}) == len(keys)
