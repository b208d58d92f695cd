"""Which paths belong to the protocol, and the one form in which every failure there is told.

The protocol knows one error body, and of statuses only that they are errors, "typically 400". Those of HTTP are kept
where they say more, except 422, which its clients do not expect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson
from starlette.responses import Response

PREFIX: Final = "/v2"


def is_spoken_at(path: str) -> bool:
    """Say whether the protocol rules at a path, a route there or not."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def error_response(message: str, *, status: int, headers: Mapping[str, str]) -> Response:
    """Answer with the protocol's error object.

    Args:
        message: For the person who caused it.
        status: Of HTTP, as elsewhere in this service.
        headers: Further ones, such as Retry-After.

    """
    told = 400 if status == 422 else status
    return Response(orjson.dumps({"error": message}), told, headers=headers, media_type="application/json")
