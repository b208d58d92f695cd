"""One kept connection to a service: sends a request, reads the whole answer, and connects anew where that is needed."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final
from urllib.parse import SplitResult, urlsplit

from service.errors import ConfigurationError

_MOST_ANSWER_BYTES: Final = 16 * 2**20
# What a kept connection meets that the other side has closed meanwhile.
_CLOSED: Final = (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    Args:
        status: HTTP status.
        headers: Names in lower case.
        body: All of it, unless it is larger than any answer of the service.

    """

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Connection:
    """A connection that is kept between requests; for one thread.

    Args:
        server: Where the service is, with what stands before its routes.
        timeout_s: Longest silence.

    """

    server: SplitResult
    timeout_s: float
    _kept: http.client.HTTPConnection | None = field(default=None)

    def send(self, method: str, route: str, *, body: bytes = b"", headers: Mapping[str, str]) -> Reply:
        """Send a request and read its answer.

        A request may be sent twice: classifying changes nothing.

        Raises:
            OSError, http.client.HTTPException: There is no answer.

        """
        if self._kept is not None:
            try:
                return self._exchange(self._kept, method, route, body, headers)
            except _CLOSED:
                self.close()
        self._kept = self._made()
        return self._exchange(self._kept, method, route, body, headers)

    def close(self) -> None:
        """Close the connection; the next request makes another."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _exchange(
        self, kept: http.client.HTTPConnection, method: str, route: str, body: bytes, headers: Mapping[str, str]
    ) -> Reply:
        try:
            _send(kept, method, self.server.path.rstrip("/") + route, body, headers)
            response = kept.getresponse()
            data = response.read(_MOST_ANSWER_BYTES)
        except BaseException:
            self.close()
            raise
        if response.length:  # there is more, which nobody will read or which never came
            self.close()
            if len(data) < _MOST_ANSWER_BYTES:
                raise http.client.IncompleteRead(data, response.length)
        return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, data)

    def _made(self) -> http.client.HTTPConnection:
        host, port = str(self.server.hostname), self.server.port
        if self.server.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=self.timeout_s, context=_tls())
        return http.client.HTTPConnection(host, port, timeout=self.timeout_s)


def _send(kept: http.client.HTTPConnection, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> None:
    """Send a request; a service that refuses a body before its end has answered already, so its answer is read."""
    is_new = kept.sock is None
    try:
        kept.request(method, path, body=body or None, headers=dict(headers))
    except (BrokenPipeError, ConnectionResetError):
        if not is_new:
            raise


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def parse_server(url: str) -> SplitResult:
    """Read the address of a service.

    Raises:
        ConfigurationError: It is none.

    """
    try:
        server = urlsplit(url)
        _ = server.port  # raises where it is no number
    except ValueError as error:
        raise ConfigurationError(f"--server {url!r} is no address: {error}.") from error
    if server.scheme not in ("http", "https") or not server.hostname or server.query or server.username is not None:
        raise ConfigurationError(f"--server must be an address such as http://127.0.0.1:8000, not {url!r}.")
    return server
