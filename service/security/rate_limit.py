"""How often something may be done: a rate as people write it, and the decision whether one more is within it.

The decision is the generic cell rate algorithm: all that is remembered of a key is the time at which everything it has
spent will have come back, so any number of uses fit into one number. A rate of 600/min gives 600 uses at once and one
more every tenth of a second; 10/s allows as much in the long run and 10 at once.

    time it takes to win back everything spent:  0 ........ allowance = count x interval
                                                 |#########--------|     '#' spent, '-' may be spent now

Times are whole nanoseconds, so that nothing is lost in rounding. Knows neither clocks nor keys.

Source: ITU-T I.371, annex A (virtual scheduling algorithm).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from service.errors import InvalidParameterError

_SECOND_NS: Final = 1_000_000_000
_UNITS_S: Final = {"s": 1, "min": 60, "h": 3600, "day": 86_400}
_RATE: Final = re.compile(r"([1-9][0-9]{0,8}) ?/ ?(s|min|h|day)")


@dataclass(frozen=True, slots=True)
class Rate:
    """A number of uses in a time.

    Args:
        count: From 1.
        window_s: In which it comes back, in whole seconds.

    """

    count: int
    window_s: int

    @property
    def interval_ns(self) -> int:
        """Nanoseconds after which one use comes back, rounded up so that it is never too many."""
        return -(-self.window_s * _SECOND_NS // self.count)

    def __str__(self) -> str:
        unit = next(name for name, unit_s in _UNITS_S.items() if unit_s == self.window_s)
        return f"{self.count}/{unit}"


@dataclass(frozen=True, slots=True)
class Spending:
    """What became of the wish to spend one use.

    Args:
        allowed: Whether it was within the rate.
        remaining: How many more could be spent at once.
        next_s: Seconds until there is one more than that, or, where it was not allowed, until it will be.

    """

    allowed: bool
    remaining: int
    next_s: float


def read_rate(text: str) -> Rate:
    """Read a rate such as `600/min`.

    Raises:
        InvalidParameterError: It is none.

    """
    found = _RATE.fullmatch(text.strip())
    if found is None:
        raise InvalidParameterError(
            "rate", value=text, expected=f"a number and a time, such as 600/min (one of {', '.join(_UNITS_S)})"
        )
    return Rate(int(found[1]), _UNITS_S[found[2]])


def spend(restored_ns: int, *, rate: Rate, now_ns: int) -> tuple[int, Spending]:
    """Spend one use, if there is one.

    Args:
        restored_ns: When everything spent until now will have come back; 0 where nothing was spent ever.
        rate: How much there is. Where it was another one before, no more is owed than this one can hold.
        now_ns: On the same monotonic clock.

    Returns:
        The time to remember in place of `restored_ns`, and what became of it.

    """
    interval_ns = rate.interval_ns
    allowance_ns = interval_ns * rate.count
    owed_ns = min(max(restored_ns - now_ns, 0), allowance_ns)
    after_ns = owed_ns + interval_ns
    if after_ns > allowance_ns:
        return now_ns + owed_ns, Spending(allowed=False, remaining=0, next_s=(after_ns - allowance_ns) / _SECOND_NS)
    remaining = (allowance_ns - after_ns) // interval_ns
    next_ns = after_ns - (rate.count - remaining - 1) * interval_ns
    return now_ns + after_ns, Spending(allowed=True, remaining=remaining, next_s=next_ns / _SECOND_NS)
