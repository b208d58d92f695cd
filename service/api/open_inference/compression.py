"""Compressed bodies: requests in pieces, so that nobody waits for a long one and a small one cannot become endless.

Source: RFC 9110, section 8.4.1; `deflate` is the zlib format there, whatever its name says.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import Final

from service.errors import MalformedBodyError, shortened

ENCODINGS: Final = ("gzip", "deflate")

_PIECE_BYTES: Final = 256 * 1024  # about a millisecond
_WINDOW: Final = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
_LEVEL: Final = 1  # numbers hardly get smaller with more effort
_REFUSED: Final = ("0", "0.0", "0.00", "0.000")


def unpacked(body: bytes, *, encoding: str) -> Iterator[bytes]:
    """Unpack a request body piece by piece.

    Args:
        body: As it came.
        encoding: Of the header Content-Encoding; empty where there is none.

    Yields:
        At most 256 KiB at a time. Whoever takes them bounds how many.

    Raises:
        MalformedBodyError: The encoding is none of `ENCODINGS`, or the body is not written in it.

    """
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        yield body
        return
    if encoding not in ENCODINGS:
        raise MalformedBodyError(f"Content-Encoding must be {' or '.join(ENCODINGS)}, not {shortened(encoding)}.")
    unpacker = zlib.decompressobj(_WINDOW[encoding])
    rest = body
    try:
        while not unpacker.eof:
            piece = unpacker.decompress(rest, _PIECE_BYTES)
            rest = unpacker.unconsumed_tail
            if not piece and not unpacker.eof:
                raise MalformedBodyError(f"The {encoding} body ends before its end.")
            yield piece
    except zlib.error as error:
        raise MalformedBodyError(f"The body cannot be read as {encoding}: {error}.") from error
    if unpacker.unused_data:
        raise MalformedBodyError(f"{len(unpacker.unused_data)} bytes follow the end of the {encoding} body.")


def accepted(header: str) -> str | None:
    """Choose how to compress an answer.

    Args:
        header: Accept-Encoding.

    Returns:
        One of `ENCODINGS`, or None where the caller names none of them.

    """
    offers = {}
    for offer in header.lower().split(","):
        name, _, weight = offer.partition(";")
        offers[name.strip()] = weight.replace(" ", "").removeprefix("q=") not in _REFUSED
    return next((encoding for encoding in ENCODINGS if offers.get(encoding)), None)


def packed(body: bytes, *, encoding: str) -> bytes:
    """Compress an answer."""
    if encoding == "gzip":
        return gzip.compress(body, _LEVEL, mtime=0)
    return zlib.compress(body, _LEVEL)
