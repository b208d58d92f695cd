"""The body of an inference request in its two parts: a JSON object, and the binary data of tensors behind it.

The header Inference-Header-Content-Length says where one ends and the other begins. Without it all is JSON; 0 means
that there is no JSON at all, and the body is the one tensor that a model takes, for one picture.

Source: the binary tensor data extension.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import orjson

from service.errors import MalformedBodyError, shortened

LENGTH_HEADER: Final = "Inference-Header-Content-Length"
_MOST_DIGITS: Final = 12
# Nothing else runs while JSON is parsed: 400,000 numbers of 17 digits take 28 ms, and 14 more to become a tensor; bytes
# take 6 and 9. It is one picture of 299 x 299, and some more; counting the commas takes next to nothing.
_MOST_VALUES: Final = 400_000


@dataclass(frozen=True, slots=True)
class Message:
    """A request body, taken apart.

    Args:
        document: The JSON, parsed; None where there is none.
        binary: What stands behind it; a view into the body.

    """

    document: object
    binary: memoryview

    @property
    def is_raw(self) -> bool:
        """Whether the body is nothing but a tensor."""
        return self.document is None


def read_message(body: bytes, *, json_length: str | None) -> Message:
    """Take a request body apart.

    Args:
        body: Not compressed.
        json_length: What the header says, None where it is absent.

    Raises:
        MalformedBodyError: The header is no length within the body, or what it delimits is no JSON.

    """
    json_bytes = len(body) if json_length is None else _length(json_length, body_bytes=len(body))
    binary = memoryview(body)[json_bytes:]
    if json_bytes == 0 and json_length is not None:
        return Message(None, binary)
    document = _parsed(body[:json_bytes])
    if document is None:
        raise MalformedBodyError("The request must be a JSON object, not null.")
    return Message(document, binary)


def _length(given: str, *, body_bytes: int) -> int:
    if not (given.isascii() and given.isdecimal() and len(given) <= _MOST_DIGITS and int(given) <= body_bytes):
        raise MalformedBodyError(
            f"{LENGTH_HEADER} must be the length of the JSON, a whole number from 0 to {body_bytes}, the length of the "
            f"whole body; it is {shortened(given)}."
        )
    return int(given)


def _parsed(text: bytes) -> object:
    if not text:
        raise MalformedBodyError("The request body is empty; it must be a JSON object with 'inputs'.")
    values = text.count(b",")
    if values > _MOST_VALUES:
        raise MalformedBodyError(
            f"The JSON holds more than {_MOST_VALUES} values ({values}); send tensors of this size as binary data, or "
            "the pictures themselves with datatype BYTES."
        )
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise MalformedBodyError(f"The JSON of the request, {len(text)} bytes, cannot be read: {error}.") from error
