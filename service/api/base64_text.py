"""Bytes out of base64 as clients send it: a data URL, in lines, in the alphabet for URLs, without its padding."""

from __future__ import annotations

import base64
from typing import Final

from service.errors import MalformedBodyError

_URL_ALPHABET: Final = str.maketrans("-_", "+/")
_SHOWN_CHARACTERS: Final = 40


def from_base64(text: object, *, what: str) -> bytes:
    """Read a text.

    Args:
        text: As parsed from JSON.
        what: How to call it in a message.

    Raises:
        MalformedBodyError: It is no text, or no base64.

    """
    if not isinstance(text, str):
        raise MalformedBodyError(f"{what} must hold base64 text, not {type(text).__name__}.")
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode(encoded, validate=True)
    except ValueError:
        return _from_lenient_base64(encoded, what=what)


def _from_lenient_base64(text: str, *, what: str) -> bytes:
    plain = "".join(text.split()).translate(_URL_ALPHABET).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError as error:
        shown = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
        raise MalformedBodyError(f"{what} is no base64 ({error}): {shown!r}.") from error
