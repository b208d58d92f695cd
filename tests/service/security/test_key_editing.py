"""An operator's changes to a file of keys leave the rest of it alone, and whoever watches it sees no half."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.errors import ConvserveError, InvalidParameterError, KeyFileError
from service.security.key_editing import add_key, remove_key
from service.security.key_file import read_key_file
from service.security.keys import KeyRing, digest_of
from service.security.rate_limit import Rate

BY_HAND: Final = f"""# who may
[keys.first]  # since May
sha256 = "{digest_of("first-key-of-all").hex()}"
rate = "5/s"

# the second
[ keys . "second" ]
sha256 = "{digest_of("second-key-of-all").hex()}"
"""


def names(path: Path) -> list[str]:
    """Read back which keys there are."""
    return [key.name for key in read_key_file(path).keys]


def test_a_key_that_was_added_is_known_from_then_on(tmp_path: Path) -> None:
    """The file is made, for its owner alone; it holds the hash and nothing of the key."""
    path = tmp_path / "keys.toml"
    key = add_key(path, name="phone", rate=Rate(600, 60))
    other = add_key(path, name="batch")
    ring = KeyRing(read_key_file(path).keys)
    phone, batch = ring.find(key.encode()), ring.find(other.encode())
    assert phone is not None
    assert batch is not None
    assert (phone.name, phone.rate, batch.name, batch.rate) == ("phone", Rate(600, 60), "batch", None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key not in path.read_text()
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_written_by_hand_stays(tmp_path: Path) -> None:
    """Comments, order and spelling; an added key and its removal leave the very same text."""
    path = tmp_path / "keys.toml"
    path.write_text(BY_HAND)
    add_key(path, name="third")
    assert path.read_text().startswith(BY_HAND.rstrip())
    assert names(path) == ["first", "second", "third"]
    remove_key(path, name="third")
    assert path.read_text().rstrip() == BY_HAND.rstrip()
    remove_key(path, name="second")
    assert names(path) == ["first"]
    assert "# the second" in path.read_text()


def test_the_last_key_that_is_removed_leaves_a_file_that_lets_nobody_in(tmp_path: Path) -> None:
    """An empty file would be taken for a mistake, and the removed key would go on to be good."""
    path = tmp_path / "keys.toml"
    add_key(path, name="only")
    remove_key(path, name="only")
    assert names(path) == []
    add_key(path, name="next")
    assert names(path) == ["next"]


def test_mode_and_links_stay(tmp_path: Path) -> None:
    """A group that may read the file may go on to, and a link goes on to name it."""
    path, link = tmp_path / "real", tmp_path / "link"
    path.write_text(BY_HAND)
    path.chmod(0o640)
    link.symlink_to(path)
    add_key(link, name="third")
    assert link.is_symlink()
    assert names(path) == ["first", "second", "third"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_the_file_is_replaced_and_never_written_in_place(tmp_path: Path) -> None:
    """Whoever has opened the old one reads it to its end."""
    path = tmp_path / "keys.toml"
    path.write_text(BY_HAND)
    with path.open() as reader:
        add_key(path, name="third")
        assert reader.read() == BY_HAND
        assert os.fstat(reader.fileno()).st_ino != path.stat().st_ino


@pytest.mark.parametrize("name", ["", "a b", "-a", "a.b", "ü", "x" * 65, "a\n"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    """It becomes a label of metrics and a word in logs."""
    with pytest.raises(InvalidParameterError, match="letters, digits"):
        add_key(tmp_path / "keys.toml", name=name)
    assert list(tmp_path.iterdir()) == []


REFUSED: Final = {
    "a name that is there": (BY_HAND, "first", "holds a key 'first' already"),
    "plain keys": ("a: some-secret-or-other\n", "new", "holds the keys themselves"),
    "a broken file": (BY_HAND + "rate = 3\n", "new", "the rate of table 2"),
}


@pytest.mark.parametrize(("text", "name", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_file_that_a_key_cannot_be_added_to_stays_as_it_is(tmp_path: Path, text: str, name: str, reason: str) -> None:
    """Nothing is written, and nothing is left beside it."""
    path = tmp_path / "keys.toml"
    path.write_text(text)
    with pytest.raises(KeyFileError) as caught:
        add_key(path, name=name)
    assert reason in str(caught.value)
    assert path.read_text() == text
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_that_is_not_there_cannot_be_removed(tmp_path: Path) -> None:
    """The message names those that are."""
    path = tmp_path / "keys.toml"
    path.write_text(BY_HAND)
    with pytest.raises(KeyFileError, match="holds no key 'third'; known keys: first, second"):
        remove_key(path, name="third")
    with pytest.raises(KeyFileError, match="known keys: none"):
        remove_key(tmp_path / "nothing", name="third")


def test_a_table_of_another_spelling_is_left_to_its_author(tmp_path: Path) -> None:
    """What cannot be cut out for certain is not cut out."""
    path = tmp_path / "keys.toml"
    text = f'[keys]\nfirst = {{ sha256 = "{digest_of("first-key-of-all").hex()}" }}\n'
    path.write_text(text)
    with pytest.raises(KeyFileError, match="edit it by hand"):
        remove_key(path, name="first")
    assert path.read_text() == text


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """In words, with the path as it was given."""
    with pytest.raises(KeyFileError, match=r"nowhere/keys.toml: its folder cannot be used \(No such file"):
        add_key(tmp_path / "nowhere" / "keys.toml", name="a")


steps = st.lists(st.tuples(st.sampled_from(["add", "remove"]), st.sampled_from(["a", "b", "B-2", "c_3"])), max_size=12)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps, st.booleans())
def test_any_changes_leave_the_keys_that_they_should(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, str]], from_hand: bool
) -> None:
    """In the order in which they were added; a change that is refused changes nothing."""
    path = tmp_path_factory.mktemp("any") / "keys.toml"
    expected = ["first", "second"] if from_hand else []
    if from_hand:
        path.write_text(BY_HAND)
    for change, name in changes:
        try:
            if change == "add":
                add_key(path, name=name)
                expected.append(name)
            else:
                remove_key(path, name=name)
                expected.remove(name)
        except ConvserveError:
            assert (name in expected) == (change == "add")
        assert not path.exists() or names(path) == expected
