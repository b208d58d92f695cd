"""The wire walker reads what the official encoder writes, and refuses everything else in linear time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import StringStringEntryProto, TensorProto

from service.repository.protobuf import WireError, fields


def walk(data: bytes) -> list[tuple[int, int | bytes]]:
    """List all fields of a message."""
    return [(number, value if isinstance(value, int) else bytes(value)) for number, value in fields(memoryview(data))]


def varint(value: int) -> bytes:
    """Encode a number as the specification says: seven bits a byte, lowest first, the top bit says that more follow."""
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def test_an_empty_message_has_no_fields() -> None:
    """Nothing is a valid message."""
    assert walk(b"") == []


def test_the_example_of_the_specification_is_read() -> None:
    """`08 96 01` is field 1 with the number 150, `12 07 74 65 73 74 69 6e 67` is field 2 with the text "testing"."""
    assert walk(bytes.fromhex("089601")) == [(1, 150)]
    assert walk(bytes.fromhex("120774657374696e67")) == [(2, b"testing")]


def test_fixed_size_fields_are_stepped_over_whole() -> None:
    """Four and eight bytes, as raw bytes."""
    assert walk(varint(3 << 3 | 5) + b"abcd" + varint(4 << 3 | 1) + b"12345678") == [(3, b"abcd"), (4, b"12345678")]


def test_what_the_official_encoder_writes_is_read_field_by_field() -> None:
    """A tensor with a shape, a type, a name and external data, as onnx's own library serialises it."""
    tensor = TensorProto(name="weights", data_type=1, dims=[300, 2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.append(StringStringEntryProto(key="location", value="w.bin"))
    found = walk(tensor.SerializeToString())
    assert [value for number, value in found if number == 1] == [300, 2]
    assert (2, 1) in found
    assert (8, b"weights") in found
    assert (13, tensor.external_data[0].SerializeToString()) in found
    assert (14, 1) in found


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 2**29 - 1), st.integers(0, 2**64 - 1) | st.binary(max_size=300))))
def test_any_well_formed_message_is_read_back(content: list[tuple[int, int | bytes]]) -> None:
    """Numbers up to 64 bits and bytes of any length, under any field number that protocol buffers allow."""
    data = b"".join(
        varint(number << 3) + varint(value)
        if isinstance(value, int)
        else varint(number << 3 | 2) + varint(len(value)) + value
        for number, value in content
    )
    assert walk(data) == content


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x08", "ends inside a number"),
        (b"\x08\x80", "ends inside a number"),
        (b"\x80", "ends inside a number"),
        (b"\x12\x05abc", "longer than its message"),
        (b"\x0d\0\0\0", "longer than its message"),
        (b"\x09\0\0\0\0\0\0\0", "longer than its message"),
        (b"\x08" + b"\xff" * 10 + b"\x01", "too long"),
        (b"\x00\x01", "field number 0"),
        (b"\x0b", "wire type 3"),
        (b"\x0c", "wire type 4"),
        (b"\x0e", "wire type 6"),
        (b"\x0f", "wire type 7"),
    ],
)
def test_a_broken_message_is_refused_with_the_reason(data: bytes, message: str) -> None:
    """Lengths beyond the end, endless numbers, and types that do not exist or that ONNX never writes."""
    with pytest.raises(WireError, match=message):
        walk(data)


@pytest.mark.parametrize("beyond", [1 << 29, 1 << 30, 1 << 31, 1 << 60])
def test_a_field_number_beyond_the_allowed_ones_is_refused(beyond: int) -> None:
    """Other readers cut such numbers to 32 bits and then see another field: 13 + 2**29 would be 13 to the runtime."""
    with pytest.raises(WireError, match="field number"):
        walk(varint((13 + beyond) << 3 | 2) + b"\x01x")


def test_a_number_of_more_than_64_bits_keeps_the_low_ones() -> None:
    """Ten bytes hold seventy bits; every reader drops what is above 64."""
    assert walk(b"\x08" + b"\x81" + b"\x80" * 8 + b"\x7e") == [(1, 1)]


def test_a_length_of_four_gigabytes_is_refused_without_taking_them() -> None:
    """The length is compared with what is there; nothing of that size is made."""
    with pytest.raises(WireError, match="longer than its message"):
        walk(b"\x12" + varint(2**32) + b"abc")


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_fields_or_a_wire_error(data: bytes) -> None:
    """Nothing else is raised, and no more bytes come out than went in."""
    try:
        found = walk(data)
    except WireError:
        return
    assert sum(len(value) for _, value in found if isinstance(value, bytes)) <= len(data)
