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
This room imports nothing of the project, so that every other one may raise from it.
"""

from __future__ import annotations

from service.errors.access import (
    AccessError,
    ForbiddenKeyError,
    MissingKeyError,
    RateLimitedError,
    UnknownKeyError,
)
from service.errors.inputs import (
    BadImageError,
    BodyTooLargeError,
    EmptyBodyError,
    InputError,
    InvalidParameterError,
    MalformedBodyError,
    PictureError,
    SlowBodyError,
    TooManyPixelsError,
    UnsupportedImageFormatError,
    UnsupportedMediaTypeError,
)
from service.errors.models import (
    ActSupersededError,
    ConflictError,
    NoDefaultModelError,
    NotFoundError,
    UnknownModelError,
    UnknownVersionError,
    VersionInUseError,
    VersionNotLoadedError,
    VersionRefusedError,
)
from service.errors.root import (
    SHOWN_CHARACTERS,
    ConvserveError,
    shortened,
)
from service.errors.serving import (
    ActUnfinishedError,
    CallerGoneError,
    DeadlineExceededError,
    DrainingError,
    InferenceError,
    ModelNotReadyError,
    QueueFullError,
    ServerError,
    UnavailableError,
)
from service.errors.setup import (
    ArtifactError,
    ConfigurationError,
    HashMismatchError,
    KeyFileError,
    ManifestError,
    ProviderUnavailableError,
    UnsafeModelError,
    VerificationError,
)

__all__ = [
    "SHOWN_CHARACTERS",
    "AccessError",
    "ActSupersededError",
    "ActUnfinishedError",
    "ArtifactError",
    "BadImageError",
    "BodyTooLargeError",
    "CallerGoneError",
    "ConfigurationError",
    "ConflictError",
    "ConvserveError",
    "DeadlineExceededError",
    "DrainingError",
    "EmptyBodyError",
    "ForbiddenKeyError",
    "HashMismatchError",
    "InferenceError",
    "InputError",
    "InvalidParameterError",
    "KeyFileError",
    "MalformedBodyError",
    "ManifestError",
    "MissingKeyError",
    "ModelNotReadyError",
    "NoDefaultModelError",
    "NotFoundError",
    "PictureError",
    "ProviderUnavailableError",
    "QueueFullError",
    "RateLimitedError",
    "ServerError",
    "SlowBodyError",
    "TooManyPixelsError",
    "UnavailableError",
    "UnknownKeyError",
    "UnknownModelError",
    "UnknownVersionError",
    "UnsafeModelError",
    "UnsupportedImageFormatError",
    "UnsupportedMediaTypeError",
    "VerificationError",
    "VersionInUseError",
    "VersionNotLoadedError",
    "VersionRefusedError",
    "shortened",
]
