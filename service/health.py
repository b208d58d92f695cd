"""Asks a running service whether it is ready; what a container's health check runs, so it imports next to nothing."""

from __future__ import annotations

import http.client
from typing import Final

_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  these are looked up, not bound


def is_ready(*, host: str, port: int, timeout_s: float = 3.0) -> bool:
    """Ask `/readyz` on this machine.

    Args:
        host: Where the service listens; where it listens on all addresses, loopback is asked.
        port: Of the same.
        timeout_s: Longest wait for the answer.

    Returns:
        True only for the answer 200.

    """
    connection = http.client.HTTPConnection(_ANY.get(host, host), port, timeout=timeout_s)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
