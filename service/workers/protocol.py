"""The service's HTTP protocol on a connection that is counted among those of all workers."""

from __future__ import annotations

import asyncio
from typing import Any

from service.http_protocol import BoundedHttpProtocol
from service.workers.balance import Balance


class BalancedHttpProtocol(BoundedHttpProtocol):
    """One connection; whoever accepted it has counted it.

    Args:
        balance: Told when it ends, and asked whether it should.
        options: uvicorn's own arguments.

    """

    def __init__(self, *, balance: Balance, **options: Any) -> None:  # noqa: ANN401  uvicorn's own, passed through
        super().__init__(**options)
        self._balance = balance
        self.made = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note that the connection has come about, so that it will be lost one day."""
        self.made = True
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the connection no more."""
        self._balance.closed()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        """Let the answer say that it is the last where other workers have fewer connections."""
        super().on_headers_complete()
        if self.cycle is not None and self._balance.ends_this_one():
            self.cycle.keep_alive = False
