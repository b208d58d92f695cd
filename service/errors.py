"""Every way in which the service can fail, free of HTTP.

    ConvserveError
    ├── InputError                      what the caller sent
    │   ├── EmptyBodyError, SlowBodyError, MalformedBodyError
    │   ├── BodyTooLargeError, UnsupportedMediaTypeError
    │   ├── BadImageError, UnsupportedImageFormatError, TooManyPixelsError
    │   ├── InvalidParameterError
    │   └── PictureError
    ├── NotFoundError
    │   └── UnknownModelError, UnknownVersionError, VersionNotLoadedError, NoDefaultModelError
    ├── ConflictError                   an administrator's act that cannot be done as things are
    │   └── VersionInUseError, VersionRefusedError, ActSupersededError
    ├── UnavailableError                the service, not the caller; `retry_after_s` says when to come back
    │   └── QueueFullError, DrainingError, ModelNotReadyError, ActUnfinishedError
    ├── DeadlineExceededError, CallerGoneError
    ├── AccessError                     who the caller is
    │   └── MissingKeyError, UnknownKeyError, ForbiddenKeyError
    ├── RateLimitedError
    ├── InferenceError
    ├── ArtifactError                   a model folder that is refused, with its path and the reason
    │   └── ManifestError, HashMismatchError, UnsafeModelError, VerificationError
    ├── ServerError                     a service that was asked through HTTP, seen from its caller
    ├── ProviderUnavailableError        the accelerator that was demanded is not in use
    └── ConfigurationError              settings, folders, ports
        └── KeyFileError

Errors carry the data of their case; `service/api/problems.py` is the one table that turns classes into responses.
This file imports nothing of the project, so that every room may raise from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

SHOWN_CHARACTERS = 200


def shortened(value: object) -> str:
    """Show an offending value in a message, whatever its size and depth."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested too deeply, or a number with too many digits
        text = f"a {type(value).__name__}"
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}..."


class ConvserveError(Exception):
    """Root of everything this project raises on purpose; its text is fit for the person who caused it."""


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


class NotFoundError(ConvserveError):
    """What was asked for is not here."""


class UnknownModelError(NotFoundError):
    """No model of that name."""

    def __init__(self, model: str, *, known: Sequence[str]) -> None:
        super().__init__(f"There is no model {model!r}; known models: {', '.join(known) or 'none'}.")
        self.model = model
        self.known = tuple(known)


class UnknownVersionError(NotFoundError):
    """The model exists, that version of it does not."""

    def __init__(self, model: str, *, version: int, known: Sequence[int]) -> None:
        super().__init__(
            f"Model {model!r} has no version {version}; known versions: {', '.join(map(str, known)) or 'none'}."
        )
        self.model = model
        self.version = version
        self.known = tuple(known)


class VersionNotLoadedError(NotFoundError):
    """The version is on disk, and another one answers."""

    def __init__(self, model: str, *, version: int, live: int) -> None:
        super().__init__(f"Version {version} of model {model!r} is on disk and not loaded; version {live} is live.")
        self.model = model
        self.version = version
        self.live = live


class NoDefaultModelError(NotFoundError):
    """/predict was asked without a model, and none is the default."""

    def __init__(self, *, known: Sequence[str]) -> None:
        super().__init__(
            f"No model is the default; name one with /models/NAME/predict, or set CONVSERVE_DEFAULT_MODEL. "
            f"Known models: {', '.join(known) or 'none'}."
        )
        self.known = tuple(known)


class ConflictError(ConvserveError):
    """An act that contradicts how things are; nothing was changed."""


class VersionInUseError(ConflictError):
    """A version that answers requests cannot be unloaded, or be compared with itself."""

    def __init__(self, model: str, *, version: int, role: str) -> None:
        what = {"live": "is live", "canary": "is the canary", "shadow": "is the shadow"}[role]
        advice = (
            f"let another version answer first, with POST /models/{model}/default"
            if role == "live"
            else f"end that first, with PUT /models/{model}/traffic"
        )
        super().__init__(f"Version {version} of model {model!r} {what}; {advice}.")
        self.model = model
        self.version = version
        self.role = role


class VersionRefusedError(ConflictError):
    """A version that was asked for failed its verification."""

    def __init__(self, model: str, *, version: int, reason: str) -> None:
        super().__init__(f"Version {version} of model {model!r} was refused, and what was live still is: {reason}")
        self.model = model
        self.version = version
        self.reason = reason


class ActSupersededError(ConflictError):
    """Another act of an administrator came before this one was done."""

    def __init__(self, model: str, *, version: int) -> None:
        super().__init__(
            f"Version {version} of model {model!r} did not become live, because another version was chosen meanwhile."
        )
        self.model = model
        self.version = version


class UnavailableError(ConvserveError):
    """The service cannot answer now; the caller may come back after `retry_after_s` seconds."""

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class QueueFullError(UnavailableError):
    """As many requests wait as can be answered in time."""

    def __init__(self, *, capacity: int, retry_after_s: float) -> None:
        super().__init__(
            f"{capacity} requests, or others that take as long, are in work or wait already; try again.",
            retry_after_s=retry_after_s,
        )
        self.capacity = capacity


class DrainingError(UnavailableError):
    """The service is shutting down and takes nothing new."""

    def __init__(self, *, retry_after_s: float) -> None:
        super().__init__("The service is shutting down; another instance will answer.", retry_after_s=retry_after_s)


class ModelNotReadyError(UnavailableError):
    """The model exists and cannot answer: it is still loading, or it was refused."""

    def __init__(self, model: str, *, state: str, retry_after_s: float) -> None:
        super().__init__(
            f"Model {model!r} is not ready ({state}); GET /models/{model} says why.", retry_after_s=retry_after_s
        )
        self.model = model
        self.state = state


class ActUnfinishedError(UnavailableError):
    """An administrator's act that is still under way."""

    def __init__(self, model: str, *, version: int, waited_s: float) -> None:
        super().__init__(
            f"Version {version} of model {model!r} is still being worked on after {waited_s:g} s; "
            f"GET /models/{model} shows when it is done.",
            retry_after_s=10,
        )
        self.model = model
        self.version = version
        self.waited_s = waited_s


class DeadlineExceededError(ConvserveError):
    """The answer would come later than the caller waits; the work was dropped."""

    def __init__(self, *, deadline_s: float) -> None:
        super().__init__(f"No answer within {deadline_s:.3f} s; the work was dropped.")
        self.deadline_s = deadline_s


class CallerGoneError(ConvserveError):
    """The caller closed the connection before its answer; nobody reads this text."""


class AccessError(ConvserveError):
    """The caller may not do this, or has not said who it is. No text of these errors ever shows a key."""


class MissingKeyError(AccessError):
    """A request without a key to a route that needs one."""

    def __init__(self) -> None:
        super().__init__(
            "This route needs a key: send it as `Authorization: Bearer KEY`. Whoever runs this service gives them out."
        )


class UnknownKeyError(AccessError):
    """A key that is in no file, or not any more."""

    def __init__(self) -> None:
        super().__init__("This key is not known here; it may have been replaced or removed.")


class ForbiddenKeyError(AccessError):
    """A key that is known and may not do this."""

    def __init__(self, *, key: str) -> None:
        super().__init__(f"Key {key!r} may classify pictures and look at models; this route needs an admin key.")
        self.key = key


class RateLimitedError(ConvserveError):
    """More requests than the caller's key may send."""

    def __init__(self, *, key: str, limit: int, window_s: int, retry_after_s: float) -> None:
        super().__init__(
            f"Key {key!r} may send {limit} requests in {window_s} s and has; try again in {retry_after_s:.1f} s."
        )
        self.key = key
        self.limit = limit
        self.window_s = window_s
        self.retry_after_s = retry_after_s


class ServerError(ConvserveError):
    """A service that a command asks and that is not there, is another program, or refuses every picture."""


class InferenceError(ConvserveError):
    """The network failed on an input that it should have taken."""


class ArtifactError(ConvserveError):
    """A model folder, or a file in it, that is refused."""

    def __init__(self, path: Path, *, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class ManifestError(ArtifactError):
    """A manifest that breaks its own contract: unknown key, missing key, wrong type, contradiction."""


class HashMismatchError(ArtifactError):
    """A file that is not the one its manifest was written for."""

    def __init__(self, path: Path, *, expected: str, actual: str) -> None:
        super().__init__(
            path, reason=f"sha256 is {actual}, the manifest says {expected}; the file was changed after publication"
        )
        self.expected = expected
        self.actual = actual


class UnsafeModelError(ArtifactError):
    """An ONNX file with external data, foreign operator domains or sizes out of bounds."""


class VerificationError(ArtifactError):
    """A model that does not reproduce its own golden samples on this machine."""


class ProviderUnavailableError(ConvserveError):
    """The runtime uses another execution provider than the one demanded."""

    def __init__(self, *, wanted: str, used: str) -> None:
        super().__init__(
            f"{wanted} was demanded, but the runtime uses {used}; check the driver, the onnxruntime-gpu package and "
            "the container's access to the device, or allow the CPU by setting CONVSERVE_REQUIRE_GPU to false."
        )
        self.wanted = wanted
        self.used = used


class ConfigurationError(ConvserveError):
    """A setting, folder or port with which the service cannot start."""


class KeyFileError(ConfigurationError):
    """A file of keys that cannot be used; its text names places in the file and never what stands there."""

    def __init__(self, path: Path, *, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason
