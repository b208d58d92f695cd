"""Keys follow their file, and no mistake in it locks anybody out or lets anybody in."""

from __future__ import annotations

import logging
import os
import threading
from pathlib import Path

import pytest

from service.errors import KeyFileError
from service.security.key_editing import add_key, remove_key
from service.security.keys import KeyRing
from service.security.watched_keys import KeyWatch, WatchedKeys

SECRET = "correct-horse-battery-staple"


class Told:
    """Remembers what it was told about the keys."""

    def __init__(self) -> None:
        self.readings: list[tuple[list[str], str | None]] = []

    def __call__(self, ring: KeyRing, error: KeyFileError | None) -> None:
        """Note which keys are in force, and why the file could not be used."""
        self.readings.append(([key.name for key in ring.keys], error.reason if error else None))


def names(watched: WatchedKeys) -> list[str]:
    """Tell which keys are in force."""
    return [key.name for key in watched.ring.keys]


def lines(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, object]]:
    """Read the fields of the log lines with a message."""
    return [vars(record)["convserve_fields"] for record in caplog.records if record.message == message]


def write_in_place(path: Path, text: str, *, at_ns: int) -> None:
    """Write into a file that is there, at a time of the file system's clock."""
    path.write_text(text)
    os.utime(path, ns=(at_ns, at_ns))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a file with one key, `first`."""
    path = tmp_path / "keys.toml"
    add_key(path, name="first")
    return path


def test_a_file_that_was_replaced_is_read_at_the_next_look(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The log names what was added, removed and changed."""
    caplog.set_level(logging.INFO, logger="convserve")
    told = Told()
    watched = WatchedKeys(path, on_change=told)
    second = add_key(path, name="second")
    watched.look()
    assert watched.ring.find(second.encode()) is not None
    remove_key(path, name="first")
    remove_key(path, name="second")
    add_key(path, name="second")
    watched.look()
    assert watched.ring.find(second.encode()) is None
    assert told.readings == [(["first"], None), (["first", "second"], None), (["second"], None)]
    said = lines(caplog, "keys read")
    assert [(line["added"], line["removed"], line["changed"]) for line in said] == [
        (["first"], [], []),
        (["second"], [], []),
        ([], ["first"], ["second"]),
    ]


def test_a_file_that_has_not_changed_is_not_read(path: Path) -> None:
    """However often one looks."""
    told = Told()
    watched = WatchedKeys(path, on_change=told)
    for _ in range(3):
        watched.look()
    assert len(told.readings) == 1


def test_a_file_that_is_written_in_place_is_read_when_it_rests(tmp_path: Path) -> None:
    """A look that comes in the middle does not take the half for the whole."""
    path = tmp_path / "keys"
    path.write_text(f"first: {SECRET}-1\nsecond: {SECRET}-2\n")
    watched = WatchedKeys(path, on_change=Told())
    write_in_place(path, f"first: {SECRET}-1\n", at_ns=10**18)
    watched.look()
    assert names(watched) == ["first", "second"]
    write_in_place(path, f"first: {SECRET}-1\nthird: {SECRET}-3\n", at_ns=10**18 + 1)
    watched.look()
    assert names(watched) == ["first", "second"]
    watched.look()
    assert names(watched) == ["first", "third"]


def test_a_broken_file_leaves_the_keys_as_they_are_and_is_told_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Until it changes again; then it is read as any other."""
    told = Told()
    watched = WatchedKeys(path, on_change=told)
    good = path.read_bytes()
    for text in (f"first: {SECRET}\nsecond {SECRET}\n", ""):
        broken = path.with_name("broken")
        broken.write_text(text)
        broken.replace(path)
        for _ in range(3):
            watched.look()
        assert names(watched) == ["first"]
    assert [reason for _, reason in told.readings[1:]] == [
        "line 2 must be `name: key`, or `name: key rate`.",
        "is empty. `python -m service keys add NAME` writes a key; [keys] alone lets nobody in.",
    ]
    said = lines(caplog, "keys not read, the old ones stay")
    assert [line["file"] for line in said] == [str(path)] * 2
    assert SECRET not in str(said)
    mended = path.with_name("mended")
    mended.write_bytes(good)
    mended.replace(path)
    watched.look()
    assert told.readings[-1] == (["first"], None)


def test_a_file_that_is_gone_leaves_the_keys_as_they_are(path: Path) -> None:
    """And is read when it is back, though it may be the same as before."""
    told = Told()
    watched = WatchedKeys(path, on_change=told)
    away = path.rename(path.with_name("away"))
    for _ in range(2):
        watched.look()
    away.rename(path)
    watched.look()
    assert told.readings == [
        (["first"], None),
        (["first"], "cannot be read (No such file or directory)."),
        (["first"], None),
    ]


def test_a_secret_store_that_turns_a_link_is_followed(tmp_path: Path) -> None:
    """Kubernetes keeps each state of a secret in a folder of its own, and turns one link from the old to the new."""
    for state in ("1", "2"):
        (tmp_path / state).mkdir()
        (tmp_path / state / "keys").write_text(f"key-{state}: {SECRET}\n")
    (tmp_path / "data").symlink_to("1")
    (tmp_path / "keys").symlink_to("data/keys")
    watched = WatchedKeys(tmp_path / "keys", on_change=Told())
    assert names(watched) == ["key-1"]
    (tmp_path / "turned").symlink_to("2")
    (tmp_path / "turned").rename(tmp_path / "data")
    watched.look()
    assert names(watched) == ["key-2"]


def test_a_file_that_is_broken_from_the_start_is_an_error(tmp_path: Path) -> None:
    """There are no older keys that could stay."""
    with pytest.raises(KeyFileError, match="No such file"):
        WatchedKeys(tmp_path / "nothing", on_change=Told())


def test_permissions_that_are_too_open_are_a_warning(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """At the first reading and at each later one."""
    path.chmod(0o666)
    watched = WatchedKeys(path, on_change=Told())
    (line,) = lines(caplog, "a file of keys is too open")
    assert "chmod go-w" in str(line["reason"])
    path.chmod(0o600)
    for _ in range(2):
        watched.look()
    assert len(lines(caplog, "a file of keys is too open")) == 1


def test_the_thread_looks_until_it_is_stopped_and_after_any_error(path: Path) -> None:
    """An error that nobody foresaw does not end the noticing of changes."""
    enough = threading.Event()

    class Odd(WatchedKeys):
        looks = 0

        def look(self) -> None:
            self.looks += 1
            if self.looks == 1:
                raise RuntimeError("a disk on fire")
            enough.set()

    watch = KeyWatch([Odd(path, on_change=Told())], look_s=0.001)
    watch.start()
    assert enough.wait(60)
    watch.stop()
    watch._thread.join(60)
    assert not watch._thread.is_alive()


def test_no_thread_is_started_where_there_is_no_file() -> None:
    """A service without keys pays nothing for them."""
    before = threading.active_count()
    watch = KeyWatch([])
    watch.start()
    watch.stop()
    assert threading.active_count() == before
