"""More than a server can do: four times its capacity on schedule, and 256 clients that ask again at once."""

from __future__ import annotations

import asyncio
from typing import Final

import uvloop

from tests.benchmarks.serving.arrivals import Schedule
from tests.benchmarks.serving.cell import Cell
from tests.benchmarks.serving.figures import percentile
from tests.benchmarks.serving.open_loop import Outcome, Target, send
from tests.benchmarks.serving.scenarios import OVERLOAD_FACTOR, STORM_CLIENTS

_PROBES_PER_S: Final = 100.0


def measure_overload(cell: Cell, *, capacity_per_s: float, seconds: float) -> None:
    """Send four times what the server can do, on schedule, and ask meanwhile whether it lives.

    Args:
        cell: The server, warm.
        capacity_per_s: Its best rate in a closed loop.
        seconds: How long.

    """
    arrivals = Schedule(OVERLOAD_FACTOR * capacity_per_s, seconds)
    sent, probed = uvloop.run(_both(cell.pictures, arrivals, cell.liveness, Schedule(_PROBES_PER_S, seconds)))
    cell.rest()
    cell.note("overload_offered_per_s", arrivals.rate_per_s)
    cell.note("overload_good_per_s", sent.good_per_s)
    cell.note("overload_accepted_per_s", sent.accepted_per_s)
    cell.note("overload_accepted_p50_ms", percentile(sent.accepted_s, 0.5) * 1000)
    cell.note("overload_accepted_p99_ms", percentile(sent.accepted_s, 0.99) * 1000)
    cell.note("overload_refused", len(sent.refused_s))
    cell.note("overload_refused_p50_ms", percentile(sent.refused_s, 0.5) * 1000)
    cell.note("overload_given_up", sent.given_up)
    cell.note("overload_lost", sent.lost)
    cell.note("overload_client_late_p99_ms", sent.late_ms(0.99))
    cell.note("overload_livez_p50_ms", probed.latency_ms(0.5))
    cell.note("overload_livez_p99_ms", probed.latency_ms(0.99))


def measure_storm(cell: Cell, *, seconds: float) -> None:
    """Let 256 clients ask, and ask again at once whatever they are told."""
    found = cell.load(STORM_CLIENTS, seconds)
    cell.note("storm_rate_per_s", found.rate_per_s, callers=STORM_CLIENTS)
    cell.note("storm_refused_per_s", found.refused_per_s, callers=STORM_CLIENTS)


async def _both(pictures: Target, arrivals: Schedule, live: Target, probes: Schedule) -> tuple[Outcome, Outcome]:
    return await asyncio.gather(send(pictures, arrivals), send(live, probes))
