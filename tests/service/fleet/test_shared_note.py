"""`service.fleet.shared_note`: who reads gets a whole text, whatever a writer is doing."""

from __future__ import annotations

import os
import signal

import pytest

from service.fleet.shared_note import SharedNote


def test_a_note_is_empty_until_it_is_written() -> None:
    """And its generation counts how often it was."""
    note = SharedNote()
    assert note.read() == (0, b"")
    assert note.write(b"first") == 1
    assert note.write(b"") == 2
    assert note.read() == (2, b"")


def test_a_shorter_text_leaves_nothing_of_a_longer_one_behind() -> None:
    """Each of the two places was used before."""
    note = SharedNote()
    for text in (b"a long text", b"another one", b"short", b"s"):
        note.write(text)
        assert note.read()[1] == text


def test_a_text_that_is_too_long_leaves_the_old_one() -> None:
    """Nothing of it is written."""
    note = SharedNote(most_bytes=8)
    note.write(b"12345678")
    with pytest.raises(ValueError, match="9 bytes do not fit into a note of 8"):
        note.write(b"123456789")
    assert note.read() == (1, b"12345678")


def test_a_child_reads_what_its_parent_writes_and_the_other_way_round() -> None:
    """The memory is shared by processes that were forked after it was made."""
    note, heard = SharedNote(), SharedNote()
    child = os.fork()
    if child == 0:
        while note.generation == 0:
            pass
        heard.write(b"heard " + note.read()[1])
        os._exit(0)
    note.write(b"hello")
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert heard.read() == (1, b"heard hello")


def test_readers_see_whole_texts_only_while_somebody_writes_and_is_killed() -> None:
    """Every text here is one letter many times; a mixture would show."""
    note = SharedNote(most_bytes=4096)
    child = os.fork()
    if child == 0:
        number = 0
        while True:
            number += 1
            note.write(bytes([97 + number % 26]) * (1 + number * 37 % 4096))
    try:
        generation = 0
        while generation < 2000:
            generation, text = note.read()
            assert len(set(text)) <= 1
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    last = note.read()
    assert len(set(last[1])) == 1
    assert note.write(b"next") == last[0] + 1
    assert note.read()[1] == b"next"
