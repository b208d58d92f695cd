"""What goes wrong while a request is served, or a service is asked."""

from __future__ import annotations

from service.errors.root import ConvserveError


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


class ServerError(ConvserveError):
    """A service that a command asks and that is not there, is another program, or refuses every picture."""


class InferenceError(ConvserveError):
    """The network failed on an input that it should have taken."""
