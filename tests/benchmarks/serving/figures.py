"""The figures of a run: what was measured, of whom, how often; pure.

A figure is found by scenario, server, form, measure and number of callers. Values of all rounds stand together; what a
table shows are medians with the least and the greatest.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

LIMIT: Final = "limit"
OURS: Final = "convserve"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What a value is of.

    Args:
        scenario: Name of the scenario.
        server: `LIMIT`, `OURS` or a rival's name.
        form: How the server was set up, in words.
        measure: Name with its unit, such as `rate_per_s`.
        callers: Requests in flight; 0 where that has no meaning.

    """

    scenario: str
    server: str
    form: str
    measure: str
    callers: int = 0


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and greatest of n values."""

    median: float
    least: float
    greatest: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarise at least one value."""
        return cls(statistics.median(values), min(values), max(values), len(values))

    def text(self) -> str:
        """Write `48.1 [47.2-49.0]`, or the value alone where there is one."""
        if self.n == 1:
            return number(self.median)
        return f"{number(self.median)} [{number(self.least)}-{number(self.greatest)}]"


@dataclass(slots=True)
class Figures:
    """All values of a run.

    Args:
        values: By key, in the order of measurement.

    """

    values: dict[Key, list[float]] = field(default_factory=dict)

    def add(self, key: Key, value: float) -> None:
        """Note one value; one that is no number is left out, because nothing was measured then."""
        if math.isfinite(value):
            self.values.setdefault(key, []).append(value)

    def spread(self, key: Key) -> Spread | None:
        """Summarise the values of a key, None where nothing was measured."""
        values = self.values.get(key)
        return Spread.of(values) if values else None

    def keys(self, scenario: str, measure: str, callers: int = 0) -> Iterator[Key]:
        """Give the keys of a measure in a scenario, servers and forms in the order of measurement."""
        return (
            key
            for key in self.values
            if (key.scenario, key.measure, key.callers) == (scenario, measure, callers) and self.values[key]
        )

    def best(self, scenario: str, measure: str, callers: int, *, servers: Iterable[str]) -> Key | None:
        """Find the server and form with the greatest median."""
        wanted = set(servers)
        found = [key for key in self.keys(scenario, measure, callers) if key.server in wanted]
        return max(found, key=lambda key: statistics.median(self.values[key]), default=None)

    def quickest(self, scenario: str, callers: Iterable[int], *, server: str) -> tuple[Key, float] | None:
        """Find the form and number of callers with which a server was quickest, and its median rate."""
        found = [self.best(scenario, "rate_per_s", count, servers=[server]) for count in callers]
        rates = [(key, statistics.median(self.values[key])) for key in found if key]
        return max(rates, key=lambda pair: pair[1], default=None)

    def servers(self) -> list[str]:
        """List all servers in the order of measurement."""
        return list(dict.fromkeys(key.server for key in self.values))

    def as_json(self) -> list[dict[str, Any]]:
        """Write one object per key with its values."""
        return [{**asdict(key), "values": [rounded(value) for value in found]} for key, found in self.values.items()]

    @classmethod
    def from_json(cls, rows: Iterable[Mapping[str, Any]]) -> Figures:
        """Read what `as_json` wrote."""
        return cls({Key(**{name: row[name] for name in Key.__slots__}): list(row["values"]) for row in rows})


def rounded(value: float, digits: int = 5) -> float:
    """Keep so many significant digits."""
    return float(f"{value:.{digits}g}")


def number(value: float) -> str:
    """Write three significant digits, or all digits before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value below which a share of the values lies (nearest rank); no number where there are no values.

    Args:
        values: In any order.
        share: 0..1.

    """
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
