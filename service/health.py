"""Asks a running service whether it is ready; what a container's health check runs, so it imports next to nothing."""

from __future__ import annotations

import http.client


def is_ready(*, port: int, timeout_s: float = 3.0) -> bool:
    """Ask `/readyz` on this machine.

    Args:
        port: Where the service listens.
        timeout_s: Longest wait for the answer.

    Returns:
        True only for the answer 200.

    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
