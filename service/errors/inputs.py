"""What a caller sent cannot be used."""

from __future__ import annotations

from collections.abc import Sequence

from service.errors.root import ConvserveError, shortened


class InputError(ConvserveError):
    """What the caller sent cannot be used."""


class EmptyBodyError(InputError):
    """A request without a picture."""

    def __init__(self) -> None:
        super().__init__(
            "The request body is empty; send the bytes of a picture, for example with curl --data-binary @photo.jpg."
        )


class SlowBodyError(InputError):
    """The body did not arrive in time."""

    def __init__(self, *, limit_s: float, received_bytes: int) -> None:
        super().__init__(f"The request body did not arrive within {limit_s:g} s ({received_bytes} bytes came).")
        self.limit_s = limit_s
        self.received_bytes = received_bytes


class MalformedBodyError(InputError):
    """A body that contradicts its own media type: broken multipart, JSON that does not parse, no base64."""


class BodyTooLargeError(InputError):
    """More bytes than the service reads."""

    def __init__(self, *, limit_bytes: int, body_bytes: int | None = None) -> None:
        size = "more" if body_bytes is None else f"{body_bytes} bytes"
        super().__init__(
            f"The request body may have at most {limit_bytes} bytes, and this one has {size}; send a smaller picture."
        )
        self.limit_bytes = limit_bytes
        self.body_bytes = body_bytes


class UnsupportedMediaTypeError(InputError):
    """A Content-Type that carries no picture."""

    def __init__(self, media_type: str) -> None:
        super().__init__(
            f"Content-Type {media_type!r} carries no picture here; send image/* or application/octet-stream with the "
            "bytes, multipart/form-data with a part 'file', or application/json with 'inputs' in base64."
        )
        self.media_type = media_type


class BadImageError(InputError):
    """Bytes that claim to be a picture and cannot be read as one."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The picture cannot be read: {reason}.")
        self.reason = reason


class UnsupportedImageFormatError(InputError):
    """Bytes of no format on the allow-list."""

    def __init__(self, *, supported: Sequence[str]) -> None:
        super().__init__(f"Pictures may be {', '.join(supported)}; these bytes are no picture of a known format.")
        self.supported = tuple(supported)


class TooManyPixelsError(InputError):
    """A picture whose header announces more pixels than the service decodes."""

    def __init__(self, *, width: int, height: int, limit_pixels: int) -> None:
        super().__init__(
            f"The picture has {width} x {height} = {width * height} pixels, and at most {limit_pixels} are decoded; "
            "scale it down."
        )
        self.width = width
        self.height = height
        self.limit_pixels = limit_pixels


class InvalidParameterError(InputError):
    """A parameter outside what it may be."""

    def __init__(self, name: str, *, value: object, expected: str) -> None:
        super().__init__(f"{name} must be {expected}, not {shortened(value)}.")
        self.name = name
        self.value = value
        self.expected = expected


class PictureError(InputError):
    """A picture that a command names and that cannot be fetched, or that the service asked refuses; in its words."""
