"""When requests are sent in an open loop: at times fixed beforehand, whatever the server does; pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Schedule:
    """Evenly spaced arrivals.

    Args:
        rate_per_s: Arrivals per second.
        seconds: Length of the whole.

    """

    rate_per_s: float
    seconds: float

    def __len__(self) -> int:
        return max(1, math.floor(self.rate_per_s * self.seconds))

    def times_s(self) -> Iterator[float]:
        """Give the seconds from the start at which to send; each counted from 0, so that no error adds up."""
        return (number / self.rate_per_s for number in range(len(self)))
