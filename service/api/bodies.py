"""Reads request bodies into memory under three bounds: of one body, of all bodies together, and of time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import ClientDisconnect, Request

from service.errors import BodyTooLargeError, CallerGoneError, DeadlineExceededError, QueueFullError, SlowBodyError

_RETRY_S: Final = 1.0


@dataclass(slots=True)
class BodyBudget:
    """The memory that bodies may take.

    Args:
        body_bytes: Largest body.
        total_bytes: All bodies that are held at the same time.
        body_s: Longest time for one to arrive, in seconds.
        held_bytes: Held now.
        holders: Requests that hold a body now.

    """

    body_bytes: int
    total_bytes: int
    body_s: float
    held_bytes: int = field(default=0, init=False)
    holders: int = field(default=0, init=False)

    @asynccontextmanager
    async def body_of(self, request: Request, *, patience_s: float) -> AsyncIterator[bytes]:
        """Read a whole body, and keep its memory reserved until the context ends.

        Args:
            request: Whose body is read.
            patience_s: How much longer the caller waits for its answer.

        Raises:
            BodyTooLargeError: It is larger than one body may be.
            SlowBodyError: It did not arrive in time.
            DeadlineExceededError: The caller's own time ran out first.
            QueueFullError: Other bodies fill the budget.
            CallerGoneError: The caller went away.

        """
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self.body_bytes:
            raise BodyTooLargeError(limit_bytes=self.body_bytes, body_bytes=int(announced))
        chunks: list[bytes] = []
        self.holders += 1
        try:
            await self._fill(chunks, request, patience_s)
            yield b"".join(chunks)
        finally:
            self.holders -= 1
            self.held_bytes -= sum(map(len, chunks))

    @asynccontextmanager
    async def gathered(self, pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
        """Join what is made of a body piece by piece, under the same bounds, and hold it until the context ends.

        Args:
            pieces: Made one at a time; other requests have their turn in between.

        Raises:
            BodyTooLargeError: Together they are larger than one body may be.
            QueueFullError: Other bodies fill the budget.

        """
        chunks: list[bytes] = []
        try:
            for piece in pieces:
                self._keep(piece, chunks)
                await asyncio.sleep(0)
            yield b"".join(chunks)
        finally:
            self.held_bytes -= sum(map(len, chunks))

    def _keep(self, chunk: bytes, chunks: list[bytes]) -> None:
        if sum(map(len, chunks)) + len(chunk) > self.body_bytes:
            raise BodyTooLargeError(limit_bytes=self.body_bytes)
        if self.held_bytes + len(chunk) > self.total_bytes:
            raise QueueFullError(capacity=self.holders, retry_after_s=_RETRY_S)
        self.held_bytes += len(chunk)
        chunks.append(chunk)

    async def _fill(self, chunks: list[bytes], request: Request, patience_s: float) -> None:
        received_bytes = 0
        try:
            async with asyncio.timeout(min(self.body_s, patience_s)):
                async for chunk in request.stream():
                    received_bytes += len(chunk)
                    if received_bytes > self.body_bytes:
                        raise BodyTooLargeError(limit_bytes=self.body_bytes)
                    if self.held_bytes + len(chunk) > self.total_bytes:
                        raise QueueFullError(capacity=self.holders, retry_after_s=_RETRY_S)
                    self.held_bytes += len(chunk)
                    chunks.append(chunk)
        except TimeoutError as error:
            if patience_s < self.body_s:
                raise DeadlineExceededError(deadline_s=patience_s) from error
            raise SlowBodyError(limit_s=self.body_s, received_bytes=received_bytes) from error
        except ClientDisconnect as error:
            raise CallerGoneError from error
