"""Who the caller is, and how often it may ask; no text here ever shows a key."""

from __future__ import annotations

from service.errors.root import ConvserveError


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
