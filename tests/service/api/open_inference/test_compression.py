"""Compressed bodies, there and back, against the standard library's own packers."""

from __future__ import annotations

import gzip
import zlib

import pytest

from service.api.open_inference.compression import accepted, packed, unpacked
from service.errors import MalformedBodyError

BODY = b"0123456789" * 100_000


@pytest.mark.parametrize(
    ("encoding", "sent"),
    [
        ("gzip", gzip.compress(BODY)),
        ("deflate", zlib.compress(BODY)),
        (" GZIP ", gzip.compress(BODY)),
        ("identity", BODY),
    ],
)
def test_body_comes_out_as_it_was_in_pieces(encoding: str, sent: bytes) -> None:
    """Nobody holds the event loop for all of it."""
    pieces = list(unpacked(sent, encoding=encoding))
    assert b"".join(pieces) == BODY
    if "identity" not in encoding:
        assert max(map(len, pieces)) <= 256 * 1024


def test_small_body_that_becomes_endless_is_made_no_further_than_it_is_taken() -> None:
    """A gigabyte of zeros in a megabyte: the first piece costs a piece."""
    bomb = zlib.compress(bytes(10**8), 9)
    assert len(bomb) < 10**6
    assert len(next(unpacked(bomb, encoding="deflate"))) == 256 * 1024


@pytest.mark.parametrize(
    ("encoding", "sent", "words"),
    [
        ("br", BODY, "must be gzip or deflate, not 'br'"),
        ("gzip", BODY, "cannot be read as gzip"),
        ("gzip", b"", "ends before its end"),
        ("deflate", gzip.compress(BODY), "cannot be read as deflate"),
        ("gzip", gzip.compress(BODY)[:-20], "ends before its end"),
        ("gzip", gzip.compress(BODY) + b"more", "4 bytes follow"),
        ("gzip", gzip.compress(BODY)[:-6] + b"\0\0\0\0\0\0", "cannot be read as gzip"),
    ],
    ids=["unknown", "plain", "empty", "other", "cut", "longer", "checksum"],
)
def test_body_that_is_not_written_in_its_encoding_is_refused(encoding: str, sent: bytes, words: str) -> None:
    """The message says what is wrong with it."""
    with pytest.raises(MalformedBodyError, match=words):
        list(unpacked(sent, encoding=encoding))


def test_answers_can_be_read_by_the_standard_library() -> None:
    """In both encodings."""
    assert gzip.decompress(packed(BODY, encoding="gzip")) == BODY
    assert zlib.decompress(packed(BODY, encoding="deflate")) == BODY


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        ("", None),
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("br, DEFLATE;q=0.5, Gzip", "gzip"),
        ("gzip;q=0, deflate", "deflate"),
        ("gzip; q=0.000", None),
        ("*", None),
        ("identity", None),
    ],
)
def test_answer_is_compressed_only_as_the_caller_names_it(header: str, chosen: str | None) -> None:
    """A weight of 0 means not at all."""
    assert accepted(header) == chosen
