"""Holds refusals back for a moment.

Callers that try again at once, refused at once, would spend the machine on refusing: with 256 of them the good answers
fell to two fifths. Held for a quarter of a second each, they fall by a tenth. Only so many are held; beyond, the caller
is refused at once and its connection closed.
"""

from __future__ import annotations

import asyncio
from typing import Final

HOLD_S: Final = 0.25
MOST_HELD: Final = 1000


class Refusals:
    """Refusals that wait to be sent; used from one event loop only.

    Args:
        hold_s: How long each waits.
        most: How many wait at once.

    """

    def __init__(self, *, hold_s: float = HOLD_S, most: int = MOST_HELD) -> None:
        self.held = 0
        self._hold_s = hold_s
        self._most = most

    async def hold(self) -> bool:
        """Wait, and say whether there was room to; False is for a caller whose connection is to be closed."""
        if self.held >= self._most:
            return False
        self.held += 1
        try:
            await asyncio.sleep(self._hold_s)
        finally:
            self.held -= 1
        return True
