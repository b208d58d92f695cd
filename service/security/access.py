"""Decides who may use the service and who may run it: known keys within their rates, and admin keys apart from them.

    no file of keys        anyone may use it
    a file of API keys     its keys may, each within its rate; admin keys may too
    a file of admin keys   its keys alone may load and unload models; without one nobody may

What is decided is counted here too. Knows no HTTP: a key comes in as bytes, a refusal goes out as an error.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from service.errors import ForbiddenKeyError, KeyFileError, MissingKeyError, RateLimitedError, UnknownKeyError
from service.security.keys import Key, KeyRing
from service.security.rate_cells import RateCells
from service.security.rate_limit import Rate, Spending
from service.security.watched_keys import KeyWatch, WatchedKeys
from service.telemetry.access_metrics import ADMIN, ADMITTED, API, RATE_LIMITED, AccessMetrics


@dataclass(frozen=True, slots=True)
class Grant:
    """That a caller may go on.

    Args:
        key: Name of its key.
        rate: Of the key, None where it has none.
        spending: What is left of it, None where it has none.

    """

    key: str
    rate: Rate | None
    spending: Spending | None


class Access:
    """The keys of the service and what they may do.

    Args:
        api_keys_file: None where anyone may use the service.
        admin_key_file: None where nobody may run it.
        cells: Where spent rates are kept.
        metrics: Where decisions are counted.

    Raises:
        KeyFileError: A file cannot be used.

    """

    def __init__(
        self, *, api_keys_file: Path | None, admin_key_file: Path | None, cells: RateCells, metrics: AccessMetrics
    ) -> None:
        self._cells = cells
        self._metrics = metrics
        self._watched = {API: self._keys_of(api_keys_file, API), ADMIN: self._keys_of(admin_key_file, ADMIN)}
        self.needs_key = api_keys_file is not None
        self.has_admin = admin_key_file is not None
        self.watch = KeyWatch([keys for keys in self._watched.values() if keys is not None])

    def admit(self, shown: bytes | None) -> Grant:
        """Let a caller use the service.

        Args:
            shown: The caller's key, or None where there was none.

        Raises:
            MissingKeyError, UnknownKeyError: It has no key, or none that is known.
            RateLimitedError: It has used its key too often.

        """
        return self._spend(*self._find(shown, first=API))

    def admit_admin(self, shown: bytes | None) -> Grant:
        """Let a caller run the service.

        Raises:
            MissingKeyError, UnknownKeyError: It has no key, or none that is known.
            ForbiddenKeyError: It has a key that may not.
            RateLimitedError: It has used its key too often.

        """
        kind, key = self._find(shown, first=ADMIN)
        if kind != ADMIN:
            self._metrics.failures["forbidden"].inc()
            raise ForbiddenKeyError(key=key.name)
        return self._spend(kind, key)

    def _find(self, shown: bytes | None, *, first: str) -> tuple[str, Key]:
        if shown is None:
            self._metrics.failures["missing"].inc()
            raise MissingKeyError
        for kind in (first, ADMIN if first == API else API):
            watched = self._watched[kind]
            key = watched.ring.find(shown) if watched is not None else None
            if key is not None:
                return kind, key
        self._metrics.failures["unknown"].inc()
        raise UnknownKeyError

    def _spend(self, kind: str, key: Key) -> Grant:
        if key.rate is None:
            self._metrics.requests(kind, key.name, ADMITTED).inc()
            return Grant(key.name, None, None)
        spending = self._cells.spend(f"{kind}/{key.name}", rate=key.rate)
        self._metrics.requests(kind, key.name, ADMITTED if spending.allowed else RATE_LIMITED).inc()
        if not spending.allowed:
            raise RateLimitedError(
                key=key.name, limit=key.rate.count, window_s=key.rate.window_s, retry_after_s=spending.next_s
            )
        return Grant(key.name, key.rate, spending)

    def _keys_of(self, path: Path | None, kind: str) -> WatchedKeys | None:
        return WatchedKeys(path, on_change=self._show(kind)) if path is not None else None

    def _show(self, kind: str) -> Callable[[KeyRing, KeyFileError | None], None]:
        def show(ring: KeyRing, error: KeyFileError | None) -> None:
            self._metrics.show_keys(kind, names=tuple(key.name for key in ring.keys), is_broken=error is not None)

        return show
