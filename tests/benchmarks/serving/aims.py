"""What is aimed at, as data, and whether a run reached it; pure.

An aim compares one figure of ours with a bound, with the machine's limit, or with the best rival.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from tests.benchmarks.serving.figures import LIMIT, OURS, Figures, Key, number
from tests.benchmarks.serving.scenarios import (
    BALANCE_SCENARIO,
    OVERLOAD_SCENARIO,
    SCENARIOS,
    START_SCENARIO,
    STORM_CLIENTS,
    scenario,
)

RATE: Final = "rate_per_s"
TARGET_LATENCY_MS: Final = 330  # the service's default setting

Against = Literal["nothing", "limit", "rivals", "own best rate"]


@dataclass(frozen=True, slots=True)
class Aim:
    """One aim.

    Args:
        scenario: Where it is measured.
        measure: Which figure of ours.
        bound: How much, in the unit of the figure, or as a ratio.
        callers: Requests in flight; 0 where that has no meaning.
        least: Whether the figure has to be at least the bound; else at most.
        against: What the figure is divided by.
        of_scenario: Where the divisor was measured; empty for the same scenario.

    """

    scenario: str
    measure: str
    bound: float
    callers: int = 0
    least: bool = True
    against: Against = "nothing"
    of_scenario: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an aim.

    Args:
        aim: Which.
        value: What was reached, None where it was not measured.
        beside: The divisor's server and form, empty where there is none.

    """

    aim: Aim
    value: float | None
    beside: str = ""

    @property
    def met(self) -> bool | None:
        """Whether it was reached, None where it was not measured."""
        if self.value is None:
            return None
        return self.value >= self.aim.bound if self.aim.least else self.value <= self.aim.bound

    def text(self) -> str:
        """Write `0.91 (aim >= 0.90: met)`."""
        sign = ">=" if self.aim.least else "<="
        if self.value is None:
            return f"not measured (aim {sign} {self.aim.bound:g})"
        return f"{number(self.value)} (aim {sign} {self.aim.bound:g}: {'met' if self.met else 'MISSED'})"


def _shares(name: str, *bounds: float) -> tuple[Aim, ...]:
    """Aim at shares of the limit, one for each number of callers of the scenario."""
    return tuple(
        Aim(name, RATE, bound, callers=callers, against="limit", of_scenario=scenario(name).limit_scenario)
        for callers, bound in zip(scenario(name).callers, bounds, strict=True)
    )


def _beyond_rivals(name: str, bounds: dict[int, float], *, of: str) -> tuple[Aim, ...]:
    return tuple(
        Aim(name, RATE, bound, callers=callers, against="rivals", of_scenario=of) for callers, bound in bounds.items()
    )


def _all_alive() -> tuple[Aim, ...]:
    return tuple(
        Aim(found.name, "livez_p99_ms", 15, callers=callers, least=False)
        for found in SCENARIOS
        for callers in found.callers
    )


AIMS: Final = (
    *_shares("r50", 0.90, 0.95, 0.92),
    *_shares("r50-int8", 0.88, 0.93, 0.91),
    *_beyond_rivals("r50-int8", {1: 2.8, 8: 2.8, 64: 2.8}, of="r50"),
    *_shares("r20", 0.45, 0.60, 0.62),
    Aim("r20", "resident_mib", 110, least=False),
    *_shares("r20-workers", 0.48, 0.73, 0.78),
    *_beyond_rivals("r20-workers", {8: 1.15, 64: 1.15}, of="r20"),
    Aim(BALANCE_SCENARIO, "balance_spread", 0.05, least=False),
    *_shares("12mp", 0.95, 0.95),
    *_shares("12mp-scaled", 1.7, 1.6),
    *_beyond_rivals("12mp-scaled", {1: 2.2, 8: 1.7}, of="12mp"),
    Aim("12mp-scaled", "mean_difference", 0.25, least=False),
    Aim("12mp-scaled", "largest_difference", 4, least=False),
    *_all_alive(),
    Aim(OVERLOAD_SCENARIO, "overload_livez_p99_ms", 15, least=False),
    Aim(OVERLOAD_SCENARIO, "overload_good_per_s", 0.95, against="own best rate"),
    Aim(OVERLOAD_SCENARIO, "overload_accepted_p99_ms", TARGET_LATENCY_MS, least=False),
    Aim(OVERLOAD_SCENARIO, "storm_rate_per_s", 0.85, callers=STORM_CLIENTS, against="own best rate"),
    Aim(START_SCENARIO, "start_s", 1.0, least=False),
    Aim("r50", "cached_load_ms", 60, least=False),
    Aim("r50", "second_session_mib", 25 * 10**6 / 2**20, least=False),
)


def verdicts(figures: Figures) -> Iterator[Verdict]:
    """Judge every aim by the medians of a run."""
    return (verdict(aim, figures) for aim in AIMS)


def verdict(aim: Aim, figures: Figures) -> Verdict:
    """Judge one aim."""
    ours = figures.best(aim.scenario, aim.measure, aim.callers, servers=[OURS])
    spread = figures.spread(ours) if ours else None
    if spread is None:
        return Verdict(aim, None)
    if aim.against == "nothing":
        return Verdict(aim, spread.median)
    divisor = _divisor(aim, figures)
    beside = figures.spread(divisor) if divisor else None
    if divisor is None or beside is None:
        return Verdict(aim, None)
    return Verdict(aim, spread.median / beside.median, f"{divisor.server}, {divisor.form}")


def _divisor(aim: Aim, figures: Figures) -> Key | None:
    where = aim.of_scenario or aim.scenario
    if aim.against == "limit":
        return figures.best(where, RATE, aim.callers, servers=[LIMIT])
    if aim.against == "rivals":
        rivals = [name for name in figures.servers() if name not in (LIMIT, OURS)]
        return figures.best(where, RATE, aim.callers, servers=rivals)
    quickest = figures.quickest(where, scenario(where).callers, server=OURS)
    return quickest[0] if quickest else None
