"""The series of keys: who was turned away, how much each key is used, and whether the files of keys are good."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter

from service.telemetry.declaring import Declaring

AUTHENTICATION_FAILURES: Final = ("missing", "unknown", "forbidden")
API: Final = "api"
ADMIN: Final = "admin"
ADMITTED: Final = "admitted"
RATE_LIMITED: Final = "rate_limited"


class AccessMetrics:
    """Declares the series; the names of keys come from the files, never from callers.

    Args:
        declare: Makes them in the app's registry.

    """

    def __init__(self, declare: Declaring) -> None:
        failures = declare.counter("authentication_failures", "Requests turned away for their key.", ("reason",))
        self.failures = {reason: failures.labels(reason) for reason in AUTHENTICATION_FAILURES}
        self._requests = declare.counter("key_requests", "Requests with a known key.", ("kind", "key", "outcome"))
        self._keys = declare.gauge("keys", "Keys in force.", ("kind",))
        self._broken = declare.gauge(
            "key_file_broken", "1 where the file of keys cannot be used and older keys stay in force.", ("kind",)
        )
        for kind in (API, ADMIN):
            self._keys.labels(kind).set(0)
            self._broken.labels(kind).set(0)
        self._children: dict[tuple[str, str, str], Counter] = {}

    def requests(self, kind: str, key: str, outcome: str) -> Counter:
        """Find the count of a key's requests; looked up once."""
        found = self._children.get((kind, key, outcome))
        if found is None:
            found = self._children[kind, key, outcome] = self._requests.labels(kind, key, outcome)
        return found

    def show_keys(self, kind: str, *, names: tuple[str, ...], is_broken: bool) -> None:
        """Show the keys that are in force, each with its counts from the start.

        Args:
            kind: Which file they come from, `api` or `admin`.
            names: Of the keys.
            is_broken: Whether the file could not be used when it was last read.

        """
        self._keys.labels(kind).set(len(names))
        self._broken.labels(kind).set(is_broken)
        for name in names:
            for outcome in (ADMITTED, RATE_LIMITED):
                self.requests(kind, name, outcome)
