"""`tests.benchmarks.serving.runs`: the order of turns, and failures that stay alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.benchmarks.serving.errors import BenchmarkError
from tests.benchmarks.serving.rival_forms import Rival
from tests.benchmarks.serving.runs import Plan, Run
from tests.benchmarks.serving.scenarios import SCENARIOS, Scenario, scenario
from tests.benchmarks.serving.servers import Request, Server
from tests.benchmarks.serving.workplace import Workplace


class Listed(Run):
    """A run that says what its turns would measure."""

    def _limit(self, scenario: Scenario) -> None:
        self.say(f"{scenario.name}: limit")

    def _server_of(self, scenario: Scenario) -> Server:
        return Server(f"ours for {scenario.name}", "", (), Request("", "", ()), "")

    def _rival_servers(self, scenario: Scenario) -> Iterator[Server]:
        return (Server(rival.name, "", (), Request("", "", ()), "") for rival in self.rivals if scenario.rivals)

    def _turn(self, scenario: Scenario, server: Server) -> partial[None]:
        return partial(self.say, f"{scenario.name}: {server.name}")


def run(folder: Path, said: list[str], scenarios: tuple[Scenario, ...] = SCENARIOS) -> Run:
    """Make a run that has not begun."""
    plan = Plan(scenarios, rounds=1, cell_s=1.0, form_s=1.0, liveness=False, further_s=0.0, rivals=frozenset())
    return Listed(plan, Workplace.at(folder), said.append, rivals=[Rival("Mosec", "mosec", ())])


def order(folder: Path, *names: str) -> list[str]:
    """List the turns of one round over some scenarios."""
    said: list[str] = []
    for turn in run(folder, said)._turns([scenario(name) for name in names]):
        turn()
    return said


def test_limit_is_measured_beside_what_is_compared_with_it(tmp_path: Path) -> None:
    """Rivals take minutes, in which the machine may change; they come after both scenarios that share a limit."""
    assert order(tmp_path, "r20", "r20-workers", "12mp") == [
        "r20: limit",
        "r20: ours for r20",
        "r20-workers: ours for r20-workers",
        "r20: Mosec",
        "12mp: limit",
        "12mp: ours for 12mp",
        "12mp: Mosec",
    ]


def test_scenario_alone_brings_the_limit_that_it_is_compared_with(tmp_path: Path) -> None:
    """A share of a limit that nobody measured would be no figure."""
    assert order(tmp_path, "r20-workers") == ["r20: limit", "r20-workers: ours for r20-workers"]


def test_failure_becomes_a_note_and_stays_alone(tmp_path: Path) -> None:
    """An hour of figures is not lost by what one server answers, and each reason is told once."""
    said: list[str] = []
    measured = run(tmp_path, said)

    def fail(error: Exception) -> None:
        raise error

    for error in (BenchmarkError("no wheel"), BenchmarkError("no wheel"), KeyError("predictions")):
        measured._noting("Mosec", partial(fail, error))
    assert measured.notes == said == ["Mosec: no wheel", "Mosec: KeyError: 'predictions'"]
