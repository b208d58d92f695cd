"""A request body in its two parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.open_inference.message import read_message
from service.errors import MalformedBodyError


def test_body_without_the_header_is_json_from_end_to_end() -> None:
    """Nothing stands behind it."""
    message = read_message(b'{"inputs": []}', json_length=None)
    assert (message.document, bytes(message.binary), message.is_raw) == ({"inputs": []}, b"", False)


def test_header_says_where_the_json_ends() -> None:
    """What follows belongs to the tensors, whatever its bytes are."""
    message = read_message(b'{"a": 1}\x00{"b"', json_length="8")
    assert (message.document, bytes(message.binary), message.is_raw) == ({"a": 1}, b'\x00{"b"', False)


def test_header_of_0_says_that_there_is_no_json() -> None:
    """The body is a tensor from its first byte, an empty one included."""
    for body in (b"\x00\x01", b""):
        message = read_message(body, json_length="0")
        assert (bytes(message.binary), message.is_raw) == (body, True)


@pytest.mark.parametrize("length", ["9", "-1", "+8", "8.0", "x", "", "1e1", "٨", "9" * 5000])
def test_header_that_lies_is_refused_with_both_lengths(length: str) -> None:
    """More than the body, less than nothing, or no number at all."""
    with pytest.raises(MalformedBodyError, match=r"Inference-Header-Content-Length must be .* from 0 to 8"):
        read_message(b'{"a": 1}', json_length=length)


@pytest.mark.parametrize(
    ("body", "length", "words"),
    [
        (b"", None, "empty"),
        (b'{"a": 1}', "5", "5 bytes, cannot be read"),
        (b'{"a": 1}\x00', None, "cannot be read"),
        (b'{"a": NaN}', None, "cannot be read"),
        (b'{"a": "\xff"}', None, "cannot be read"),
        (b"[" * 5000, None, "cannot be read"),
        (b"null", None, "not null"),
    ],
    ids=["empty", "cut", "too long", "nan", "no UTF-8", "deep", "null"],
)
def test_json_that_is_none_is_refused(body: bytes, length: str | None, words: str) -> None:
    """The message says how many bytes were taken for JSON."""
    with pytest.raises(MalformedBodyError, match=words):
        read_message(body, json_length=length)


def test_json_with_more_values_than_can_be_parsed_in_passing_is_refused_unread() -> None:
    """The message names the two ways out."""
    with pytest.raises(MalformedBodyError, match=r"more than 400000 values .* binary data, or .* BYTES"):
        read_message(b"[" + b"1," * 400_001 + b"1]", json_length=None)


@given(st.binary(max_size=200), st.none() | st.text(max_size=6) | st.integers(-5, 250).map(str))
def test_any_body_is_taken_apart_or_refused(body: bytes, length: str | None) -> None:
    """Nothing else comes out, and no byte behind the JSON is lost."""
    try:
        message = read_message(body, json_length=length)
    except MalformedBodyError:
        return
    expected = b"" if length is None else body[int(length) :]
    assert bytes(message.binary) == expected
