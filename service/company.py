"""What a worker has in common with the other workers of its service; alone, it has the same for itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from service.fleet.membership import Fleet, Member
from service.security.rate_cells import OwnCells, RateCells
from service.telemetry.shared_series import SharedSeries


@dataclass(frozen=True, slots=True)
class Company:
    """Memory that workers share, as one of them sees it.

    Args:
        series: Where it counts together with others; None where there are no others.
        member: Its say in which versions are live.
        rate_cells: What keys have spent.

    """

    series: SharedSeries | None = None
    member: Member = field(default_factory=lambda: Member(Fleet()))
    rate_cells: RateCells = field(default_factory=OwnCells)
