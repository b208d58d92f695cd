"""Fetches a picture from an http(s) address, within bounds of bytes and time, and from nowhere that nobody named.

A redirect is followed to http and https alone, not from https to http, and from a public address never to one of this
machine or its network: only the caller may name those. The address that was checked is the one that is connected to.
Proxies are not used.

Source: RFC 9110, sections 15.4 (redirects) and 10.2.2 (Location).
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Final
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from service import VERSION
from service.errors import PictureError

MOST_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PORTS: Final = {"http": 80, "https": 443}
_STEP_BYTES: Final = 65536
_UNQUOTED: Final = "/%:@!$&'()*+,;=~?"  # what an address may hold as it is
_HEADERS: Final = {
    "user-agent": f"convserve/{VERSION}",
    "accept": "image/*,*/*;q=0.1",
    "accept-encoding": "identity",
    "connection": "close",
}


def resolve(host: str, port: int) -> list[str]:
    """Look up the addresses of a host.

    Raises:
        OSError: It has none.

    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


@dataclass(frozen=True, slots=True)
class Downloads:
    """Fetches pictures; may be called from several threads.

    Args:
        limit_bytes: Most bytes of a picture; one more than this is read of a larger one, and no further.
        silence_s: Longest wait for a connection or for the next bytes.
        total_s: Longest time for one hop of a download.
        lookup: Finds the addresses of a host and port.

    """

    limit_bytes: int
    silence_s: float = 10.0
    total_s: float = 60.0
    lookup: Callable[[str, int], list[str]] = resolve

    def fetch(self, url: str) -> bytes:
        """Fetch what lies at an address.

        Raises:
            PictureError: It is no http(s) address, leads somewhere it must not, is not there, or takes too long.

        """
        was_public = False
        for _ in range(MOST_REDIRECTS + 1):
            target = _parsed(url)
            address = self._address(target, public_only=was_public)
            was_public = was_public or _is_public(address)
            found = self._get(target, address)
            if isinstance(found, bytes):
                return found
            url = _redirected(target, found)
        raise PictureError(f"It is redirected more than {MOST_REDIRECTS} times.")

    def _address(self, target: SplitResult, *, public_only: bool) -> str:
        """Choose the address to connect to; IPv4 first where there are both, because it is reached from everywhere."""
        host = str(target.hostname)
        try:
            addresses = self.lookup(host, _port(target))
        except (OSError, UnicodeError) as error:  # UnicodeError: a name that is too long for a host
            raise PictureError(f"There is no host {host!r}.") from error
        if public_only and not all(map(_is_public, addresses)):
            raise PictureError(f"It is redirected to {host!r}, which lies in this machine's own network.")
        return min(addresses, key=lambda address: ":" in address)

    def _get(self, target: SplitResult, address: str) -> bytes | str:
        """Ask for the picture; a string is where it was redirected to."""
        try:
            with self._connected(target, address) as connection:
                path = quote(target.path or "/", safe=_UNQUOTED)
                query = f"?{quote(target.query, safe=_UNQUOTED)}" if target.query else ""
                connection.request("GET", path + query, headers=_HEADERS)
                response = connection.getresponse()
                location = response.getheader("location")
                if response.status in _REDIRECTS and location:
                    return location
                if response.status != http.HTTPStatus.OK:
                    raise PictureError(f"{target.hostname} answers {response.status} {response.reason}.")
                return self._body(response)
        except TimeoutError as error:
            raise PictureError(f"{target.hostname} does not answer in time.") from error
        except (OSError, http.client.HTTPException) as error:
            raise PictureError(f"It cannot be fetched: {error or type(error).__name__}.") from error

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        pieces: list[bytes] = []
        left = self.limit_bytes + 1
        while left and (piece := response.read(min(left, _STEP_BYTES))):
            pieces.append(piece)
            left -= len(piece)
        if left and response.length:  # bytes that were announced and did not come
            raise http.client.IncompleteRead(b"", response.length)
        return b"".join(pieces)

    @contextmanager
    def _connected(self, target: SplitResult, address: str) -> Iterator[http.client.HTTPConnection]:
        """Connect to one address, and cut the connection when the time is over, however slowly bytes come."""
        host, port = str(target.hostname), _port(target)
        raw = socket.create_connection((address, port), timeout=self.silence_s)
        over = threading.Event()
        alarm = threading.Timer(self.total_s, _cut, (raw, over))
        alarm.daemon = True
        alarm.start()
        connection: http.client.HTTPConnection | None = None
        try:
            if target.scheme == "https":
                connection = http.client.HTTPSConnection(host, port, context=_tls())
                connection.sock = _tls().wrap_socket(raw, server_hostname=host)
            else:
                connection = http.client.HTTPConnection(host, port)
                connection.sock = raw
            yield connection
        except (OSError, http.client.HTTPException) as error:
            if over.is_set():
                raise TimeoutError from error
            raise
        finally:
            alarm.cancel()
            if connection:
                connection.close()
            raw.close()


def _cut(raw: socket.socket, over: threading.Event) -> None:
    over.set()
    with suppress(OSError):  # the other side was quicker
        raw.shutdown(socket.SHUT_RDWR)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _parsed(url: str) -> SplitResult:
    try:
        target = urlsplit(url)
        _ = target.port  # raises where it is no number
    except ValueError as error:
        raise PictureError(f"{url!r} is no address: {error}.") from error
    if target.scheme not in _PORTS or not target.hostname:
        raise PictureError(f"Only http and https addresses are fetched, not {url!r}.")
    if target.username is not None:
        raise PictureError("Addresses with a name and password are not fetched: results would show them.")
    return target


def _port(target: SplitResult) -> int:
    return target.port or _PORTS[target.scheme]


def _redirected(target: SplitResult, location: str) -> str:
    url = urljoin(target.geturl(), location)
    if target.scheme == "https" and urlsplit(url).scheme == "http":
        raise PictureError(f"It is redirected from https to http: {url!r}.")
    return url


def _is_public(address: str) -> bool:
    """Tell whether an address is one of the whole internet; an IPv4 address inside an IPv6 one counts as itself."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_global and not parsed.is_multicast
