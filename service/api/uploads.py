"""Pictures out of a request body: raw, multipart or JSON, under a byte limit and a time limit.

The whole body is held in memory, bounded, and nothing is ever spooled to disk: the container's file system is
read-only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final, Literal

import multipart
import orjson
from starlette.requests import Request

from service.api.base64_text import from_base64
from service.api.bodies import BodyBudget
from service.errors import EmptyBodyError, InvalidParameterError, MalformedBodyError, UnsupportedMediaTypeError

PART_NAMES: Final = ("file", "image", "data")
MOST_PICTURES: Final = 64
_MOST_PARTS: Final = 2 * MOST_PICTURES  # a form may hold other fields too
_MOST_JSON_VALUES: Final = 1000
_RAW_TYPES: Final = frozenset({"", "application/octet-stream", "application/x-www-form-urlencoded"})


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


@asynccontextmanager
async def uploaded(request: Request, *, budget: BodyBudget, patience_s: float) -> AsyncIterator[Upload]:
    """Read a request's pictures, and hold their memory until the context ends.

    Args:
        request: Whose body is read.
        budget: Bounds of all bodies together and of each.
        patience_s: How much longer the caller waits for its answer.

    Raises:
        InputError: The body is empty, too large, too slow, malformed, or of a type that carries no picture.
        DeadlineExceededError: The caller's own time ran out first.
        QueueFullError: The bodies of other requests fill the memory that there is for them.
        CallerGoneError: The caller went away before its body was complete.

    """
    media_type, parameters = multipart.parse_options_header(request.headers.get("content-type", ""))
    parse = _parser(media_type.lower())
    async with budget.body_of(request, patience_s=patience_s) as body:
        if not body:
            raise EmptyBodyError
        yield parse(body, parameters)


def _parser(media_type: str) -> Callable[[bytes, Mapping[str, str]], Upload]:
    if media_type.startswith("image/") or media_type in _RAW_TYPES:
        return _parse_raw
    if media_type == "multipart/form-data":
        return _parse_multipart
    if media_type == "application/json":
        return _parse_json
    raise UnsupportedMediaTypeError(media_type)


def _parse_raw(body: bytes, _: Mapping[str, str]) -> Upload:
    return Upload(pictures=(body,), form="raw")


def _parse_multipart(body: bytes, parameters: Mapping[str, str]) -> Upload:
    pictures: list[bytes] = []
    try:
        with _multipart_parser(parameters) as parser:
            part: list[bytes] | None = None
            for event in chain(parser.parse(body), parser.parse(b"")):
                if isinstance(event, multipart.MultipartSegment):
                    part = [] if event.name in PART_NAMES else None
                elif event is not None and part is not None:
                    part.append(bytes(event))
                elif event is None and part is not None:
                    pictures.append(b"".join(part))
    except multipart.MultipartError as error:
        raise MalformedBodyError(f"The multipart body cannot be read: {error.args[0]}.") from error
    if not pictures:
        names = " or ".join(map(repr, PART_NAMES))
        raise MalformedBodyError(f"The multipart body has no part named {names}; with curl: -F file=@photo.jpg.")
    _require_few(pictures)
    return Upload(pictures=tuple(pictures), form="multipart")


def _multipart_parser(parameters: Mapping[str, str]) -> multipart.PushMultipartParser:
    # Part names are ASCII; file names, which some clients send in their own code page, are not looked at.
    return multipart.PushMultipartParser(
        parameters.get("boundary", ""), max_segment_count=_MOST_PARTS, header_charset="latin-1", strict=True
    )


def _parse_json(body: bytes, _: Mapping[str, str]) -> Upload:
    # Counting is a thousand times faster than parsing, during which nothing else runs.
    if body.count(b",") + body.count(b"[") + body.count(b"{") > _MOST_JSON_VALUES:
        raise MalformedBodyError(f"The JSON body holds more than {_MOST_JSON_VALUES} values; it needs one per picture.")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedBodyError(f"The body is no JSON: {error}.") from error
    if not isinstance(document, dict) or "inputs" not in document:
        raise MalformedBodyError(
            'The JSON body must be an object with "inputs": a picture in base64, or a list of them.'
        )
    inputs = document["inputs"]
    texts = inputs if isinstance(inputs, list) else [inputs]
    if not texts:
        raise EmptyBodyError
    _require_few(texts)
    pictures = [from_base64(text, what='"inputs"') for text in texts]
    top_k = _top_k(document.get("parameters"))
    return Upload(pictures=tuple(pictures), form="json_list" if isinstance(inputs, list) else "json", top_k=top_k)


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


def _require_few(pictures: Sequence[object]) -> None:
    if len(pictures) > MOST_PICTURES:
        raise InvalidParameterError("number of pictures", value=len(pictures), expected=f"at most {MOST_PICTURES}")
