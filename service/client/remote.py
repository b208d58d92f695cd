"""Classifies through a running service: connections that are kept, and patience with a service that is busy.

A busy service (429, 503) is asked again when it says, or after rising pauses where it does not say. A picture that was
refused for longer than the patience fails alone where others were answered meanwhile; where none was, the work ends.
"""

from __future__ import annotations

import http.client
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, quote, urlencode

from service import VERSION
from service.client.connection import Connection, Reply, parse_server
from service.client.pipeline import StoppedError
from service.client.replies import is_busy, read_answer, require_ours, retry_after_s
from service.client.rows import Answer
from service.errors import ConfigurationError, PictureError, ServerError
from service.telemetry.logs import log

ANSWER_TIMEOUT_S: Final = 60.0
_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 8.0
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a busy service is waited for.

    Args:
        seconds: For one picture.
        wait: Waits some seconds, and says whether the work is to stop.
        clock: Seconds, monotonic.

    """

    seconds: float
    wait: Callable[[float], bool]
    clock: Callable[[], float] = time.monotonic


@dataclass(slots=True)
class Remote:
    """A service; `classify` may be called from several threads, each of which keeps a connection.

    Args:
        server: Its address.
        route: With the query, for every picture.
        patience: With a busy service.
        key: For `Authorization`, or None.

    """

    server: SplitResult
    route: str
    patience: Patience
    key: str | None = None
    _own: threading.local = field(default_factory=threading.local)
    _connections: list[Connection] = field(default_factory=list)
    _answered_s: float = float("-inf")

    @property
    def url(self) -> str:
        """Its address as it was given."""
        return self.server.geturl()

    def require_service(self) -> None:
        """See that a service of this project is there.

        Raises:
            ServerError: Nothing is, or something else.

        """
        try:
            reply = self._connection().send("GET", "/livez", headers=self._headers())
        except (OSError, http.client.HTTPException) as error:
            raise ServerError(
                f"Nothing answers at {self.url} ({_reason(error)}); start it with `python -m service`, or leave "
                "--server out to classify without one."
            ) from error
        require_ours(reply, url=self.url)

    def classify(self, data: bytes) -> Answer:
        """Have an encoded picture classified.

        Raises:
            PictureError: The service cannot classify this one.
            ServerError: It refuses every one, is another program, or did not answer any within the patience.
            StoppedError: The work ended during a wait.

        """
        began_s = self.patience.clock()
        pause_s = _FIRST_PAUSE_S
        while True:
            reply, trouble = self._asked(data)
            if reply is not None and not is_busy(reply):
                self._answered_s = self.patience.clock()
                return read_answer(reply, url=self.url)
            asked_s = retry_after_s(reply.headers, now=datetime.now(UTC)) if reply else None
            self._pause(pause_s if asked_s is None else asked_s, began_s=began_s, trouble=trouble)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def close(self) -> None:
        """Close the connections, when no thread asks any more."""
        for connection in self._connections:
            connection.close()

    def _asked(self, data: bytes) -> tuple[Reply | None, str]:
        """Ask once; None where there was no answer, and in words what went wrong if anything did."""
        headers = {**self._headers(), "content-type": "application/octet-stream"}
        try:
            reply = self._connection().send("POST", self.route, body=data, headers=headers)
        except (OSError, http.client.HTTPException) as error:
            return None, f"no answer ({_reason(error)})"
        return reply, f"answers {reply.status}"

    def _pause(self, seconds: float, *, began_s: float, trouble: str) -> None:
        patience = self.patience
        if patience.clock() + seconds - began_s > patience.seconds:
            message = f"{trouble}, and asks to wait {seconds:.0f} s more; --patience is {patience.seconds:g} s."
            if self._answered_s > began_s:
                raise PictureError(f"The service is too busy for it: {message}")
            raise ServerError(f"{self.url} is too busy: {message}")
        if patience.wait(seconds):
            raise StoppedError

    def _connection(self) -> Connection:
        kept: Connection | None = getattr(self._own, "connection", None)
        if kept is None:
            kept = self._own.connection = Connection(self.server, ANSWER_TIMEOUT_S)
            self._connections.append(kept)
        return kept

    def _headers(self) -> dict[str, str]:
        headers = {"user-agent": f"convserve/{VERSION}", "accept": "application/json"}
        return {**headers, "authorization": f"Bearer {self.key}"} if self.key else headers


def make_remote(
    url: str, *, model: str | None, version: int | None, query: dict[str, object], key: str | None, patience: Patience
) -> Remote:
    """Make the way to a service.

    Args:
        url: Of the service.
        model: None for its default model.
        version: None for the live one.
        query: Of every request; what is None is left out.
        key: None where it asks for none.
        patience: With a busy service.

    Raises:
        ConfigurationError: The address is none.

    """
    server = parse_server(url)
    if key and server.scheme == "http" and server.hostname not in _LOOPBACK:
        log(logging.WARNING, f"the key is sent to {server.hostname} unencrypted; use https")
    route = "/predict" if model is None else f"/models/{quote(model, safe='')}/predict"
    given = {"version": version, **query} if model is None else query
    if model is not None and version is not None:
        route = f"/models/{quote(model, safe='')}/versions/{version}/predict"
    words = urlencode({name: value for name, value in given.items() if value is not None})
    return Remote(server, f"{route}?{words}", patience, key)


def read_key(file: str | None, *, otherwise: str | None) -> str | None:
    """Read an API key from a file, or take the other one.

    Raises:
        ConfigurationError: The file cannot be read, or holds no key.

    """
    key = otherwise
    if file is not None:
        try:
            key = Path(file).read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"--key-file {file} cannot be read: {error}.") from error
    if key is not None and not (key.isascii() and key.isprintable() and key and " " not in key):
        raise ConfigurationError("The API key must be one line of printable characters without spaces.")
    return key


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
