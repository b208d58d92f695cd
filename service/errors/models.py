"""A model or version that is not here, or an act on it that contradicts how things are."""

from __future__ import annotations

from collections.abc import Sequence

from service.errors.root import ConvserveError


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
