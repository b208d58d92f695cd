"""Pictures out of a request body: raw, multipart or JSON, under a byte limit and a time limit.

The whole body is held in memory, bounded, and nothing is ever spooled to disk: the container's file system is
read-only.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

import multipart
import orjson
from starlette.requests import ClientDisconnect, Request

from service.errors import (
    BodyTooLargeError,
    CallerGoneError,
    EmptyBodyError,
    InvalidParameterError,
    MalformedBodyError,
    SlowBodyError,
    UnsupportedMediaTypeError,
)

PART_NAMES: Final = ("file", "image", "data")
MOST_PICTURES: Final = 64
_RAW_TYPES: Final = frozenset({"", "application/octet-stream", "application/x-www-form-urlencoded"})
_SHOWN_CHARACTERS: Final = 40


@dataclass(frozen=True, slots=True)
class Upload:
    """What a request body holds.

    Args:
        pictures: Encoded pictures in order.
        form: How they came, which decides the form of the answer: `raw`, `multipart`, `json` (one) or `json_list`.
        top_k: Asked for inside the body; None where it does not say.

    """

    pictures: tuple[bytes, ...]
    form: Literal["raw", "multipart", "json", "json_list"]
    top_k: int | None = None

    def as_huggingface(self) -> Upload:
        """Take the same pictures as if they had come in the Hugging Face form."""
        if self.form in ("json", "json_list"):
            return self
        return replace(self, form="json" if len(self.pictures) == 1 else "json_list")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a body is read.

    Args:
        body_bytes: Largest body.
        body_s: Longest time for it to arrive, in seconds.

    """

    body_bytes: int
    body_s: float


async def read_upload(request: Request, *, limits: Limits) -> Upload:
    """Read a request's pictures.

    Raises:
        InputError: The body is empty, too large, too slow, malformed, or of a type that carries no picture.
        CallerGoneError: The caller went away before its body was complete.

    """
    media_type, parameters = multipart.parse_options_header(request.headers.get("content-type", ""))
    media_type = media_type.lower()
    parse = _parser(media_type)
    body = await _read_body(request, limits)
    if not body:
        raise EmptyBodyError
    return parse(body, parameters)


def _parser(media_type: str) -> Callable[[bytes, Mapping[str, str]], Upload]:
    if media_type.startswith("image/") or media_type in _RAW_TYPES:
        return _parse_raw
    if media_type == "multipart/form-data":
        return _parse_multipart
    if media_type == "application/json":
        return _parse_json
    raise UnsupportedMediaTypeError(media_type)


async def _read_body(request: Request, limits: Limits) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limits.body_bytes:
        raise BodyTooLargeError(limit_bytes=limits.body_bytes, body_bytes=int(announced))
    chunks: list[bytes] = []
    received_bytes = 0
    try:
        async with asyncio.timeout(limits.body_s):
            async for chunk in request.stream():
                received_bytes += len(chunk)
                if received_bytes > limits.body_bytes:
                    raise BodyTooLargeError(limit_bytes=limits.body_bytes)
                chunks.append(chunk)
    except TimeoutError as error:
        raise SlowBodyError(limit_s=limits.body_s, received_bytes=received_bytes) from error
    except ClientDisconnect as error:
        raise CallerGoneError from error
    return b"".join(chunks)


def _parse_raw(body: bytes, _: Mapping[str, str]) -> Upload:
    return Upload(pictures=(body,), form="raw")


def _parse_multipart(body: bytes, parameters: Mapping[str, str]) -> Upload:
    pictures: list[bytes] = []
    try:
        with multipart.PushMultipartParser(parameters.get("boundary", ""), strict=True) as parser:
            part: list[bytes] | None = None
            for event in (*parser.parse(body), *parser.parse(b"")):
                if isinstance(event, multipart.MultipartSegment):
                    part = [] if event.name in PART_NAMES else None
                elif event is not None and part is not None:
                    part.append(bytes(event))
                elif event is None and part is not None:
                    pictures.append(b"".join(part))
    except multipart.MultipartError as error:
        raise MalformedBodyError(f"The multipart body cannot be read: {error}.") from error
    if not pictures:
        names = " or ".join(map(repr, PART_NAMES))
        raise MalformedBodyError(f"The multipart body has no part named {names}; with curl: -F file=@photo.jpg.")
    _require_few(pictures)
    return Upload(pictures=tuple(pictures), form="multipart")


def _parse_json(body: bytes, _: Mapping[str, str]) -> Upload:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedBodyError(f"The body is no JSON: {error}.") from error
    if not isinstance(document, dict) or "inputs" not in document:
        raise MalformedBodyError(
            'The JSON body must be an object with "inputs": a picture in base64, or a list of them.'
        )
    inputs = document["inputs"]
    pictures = [_from_base64(item) for item in (inputs if isinstance(inputs, list) else [inputs])]
    if not pictures:
        raise EmptyBodyError
    _require_few(pictures)
    top_k = _top_k(document.get("parameters"))
    return Upload(pictures=tuple(pictures), form="json_list" if isinstance(inputs, list) else "json", top_k=top_k)


def _from_base64(text: object) -> bytes:
    if not isinstance(text, str):
        raise MalformedBodyError(f'"inputs" must hold base64 text, not {type(text).__name__}.')
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        shown = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
        raise MalformedBodyError(f'"inputs" is no base64 ({error}): {shown!r}.') from error


def _top_k(parameters: object) -> int | None:
    if parameters is None:
        return None
    if not isinstance(parameters, dict):
        raise MalformedBodyError('"parameters" must be an object, such as {"top_k": 5}.')
    if parameters.get("function_to_apply") not in (None, "softmax"):
        raise InvalidParameterError("function_to_apply", value=parameters["function_to_apply"], expected="softmax")
    top_k = parameters.get("top_k")
    if top_k is not None and (not isinstance(top_k, int) or isinstance(top_k, bool) or top_k < 1):
        raise InvalidParameterError("top_k", value=top_k, expected="a whole number from 1")
    return top_k


def _require_few(pictures: list[bytes]) -> None:
    if len(pictures) > MOST_PICTURES:
        raise InvalidParameterError("number of pictures", value=len(pictures), expected=f"at most {MOST_PICTURES}")
