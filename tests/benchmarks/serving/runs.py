"""One run of the benchmark: rounds over all scenarios and servers, in turns so that drift falls on all of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from tests.benchmarks.serving.balance import measure_balance, note_spread
from tests.benchmarks.serving.cell import Cell
from tests.benchmarks.serving.difference import note_difference
from tests.benchmarks.serving.errors import BenchmarkError
from tests.benchmarks.serving.figures import OURS, Figures
from tests.benchmarks.serving.limit import note_limit
from tests.benchmarks.serving.ours import KNOWN_SETTINGS, known_query, note_load_time, ours, tuning_of
from tests.benchmarks.serving.overload import measure_overload, measure_storm
from tests.benchmarks.serving.rival_forms import RIVALS, forms_of
from tests.benchmarks.serving.scenarios import BALANCE_SCENARIO, OVERLOAD_SCENARIO, START_SCENARIO, Scenario
from tests.benchmarks.serving.second_session import (
    FORMS,
    SECOND_SESSION_SCENARIO,
    can_measure,
    note_form,
    note_second_session,
)
from tests.benchmarks.serving.servers import Server, running
from tests.benchmarks.serving.workplace import Workplace

_STARTS: Final = 5
_SAME_ANSWER: Final = 1e-3  # in a probability; the frameworks' preprocessing rounds otherwise in the last place


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Args:
        scenarios: Which.
        rounds: How often everything takes its turn.
        cell_s: Seconds of load for each number of callers.
        form_s: Seconds for each form of the limit.
        liveness: Whether the service is asked under load whether it lives.
        further_s: Seconds of each overload; 0 leaves out overload, balance and further starts.
        rivals: Names of rivals to run.

    """

    scenarios: Sequence[Scenario]
    rounds: int
    cell_s: float
    form_s: float
    liveness: bool
    further_s: float
    rivals: frozenset[str]


@dataclass(slots=True)
class Run:
    """A run under way.

    Args:
        plan: How much.
        workplace: Where things lie.
        say: Told in a line what is measured next.
        figures: What was measured.
        notes: What could not be measured, and why; each once.
        query: Parameters that the prediction route of the service knows.
        answers: Of the service to the first picture of each scenario: the first label and its probability.
        tunings: Form in which the service ran each scenario, as it says itself.

    """

    plan: Plan
    workplace: Workplace
    say: Callable[[str], None]
    figures: Figures = field(default_factory=Figures)
    notes: list[str] = field(default_factory=list)
    query: frozenset[str] = frozenset()
    answers: dict[str, tuple[str, float]] = field(default_factory=dict)
    tunings: dict[str, str] = field(default_factory=dict)

    def measure(self) -> None:
        """Measure everything."""
        scenarios = [scenario for scenario in self.plan.scenarios if self._can(scenario)]
        for number in range(self.plan.rounds):
            self.say(f"round {number + 1} of {self.plan.rounds}")
            for scenario in scenarios if number % 2 == 0 else scenarios[::-1]:
                self._round_of(scenario)
        if self.plan.further_s:
            self._further(scenarios)
        note_spread(self.figures)

    def _can(self, scenario: Scenario) -> bool:
        """Start the service once, which fills its cache, and say whether it can do what the scenario needs."""
        lacking = scenario.lacking(settings=KNOWN_SETTINGS, query=scenario.query)
        if not lacking:
            found: list[frozenset[str]] = []

            def look(cell: Cell) -> None:
                found.append(known_query(cell.running))
                cell.rest()

            self._with(scenario, ours(scenario, workplace=self.workplace), look, figures=Figures())
            if not found:
                return False
            self.query = found[0]
            lacking = scenario.lacking(settings=KNOWN_SETTINGS, query=self.query)
        if lacking:
            self._note(f"{scenario.title}: not measured, the service lacks {lacking}.")
        return not lacking

    def _round_of(self, scenario: Scenario) -> None:
        if not scenario.limit_of:
            self.say(f"{scenario.name}: limit")
            self._noting(
                scenario, lambda: note_limit(self.figures, scenario, workplace=self.workplace, seconds=self.plan.form_s)
            )
        if scenario.needs_query:
            self._noting(scenario, lambda: note_difference(self.figures, scenario, workplace=self.workplace))
        for server in self._servers(scenario):
            self._with(scenario, server, partial(self._loads, scenario))

    def _loads(self, scenario: Scenario, cell: Cell) -> None:
        cell.warm_up()
        cell.measure_rates(scenario.callers, self.plan.cell_s)
        cell.measure_memory()
        if not cell.is_ours:
            return
        note_load_time(cell)
        self.tunings[scenario.name] = tuning_of(cell.running, model=scenario.model)
        if self.plan.liveness:
            cell.measure_liveness(scenario.callers, self.plan.cell_s)
        if scenario.name == BALANCE_SCENARIO and self.plan.further_s:
            measure_balance(cell, seconds=self.plan.cell_s)

    def _servers(self, scenario: Scenario) -> Iterator[Server]:
        yield ours(scenario, workplace=self.workplace, query=self.query)
        for rival in RIVALS if scenario.rivals else ():
            if rival.name not in self.plan.rivals:
                continue
            try:
                yield from forms_of(rival, scenario=scenario, workplace=self.workplace)
            except BenchmarkError as error:
                self._note(f"{rival.name}: {error}")

    def _further(self, scenarios: Sequence[Scenario]) -> None:
        """Measure what follows from the rounds, overload at what each server can do at most, and fresh starts."""
        for scenario in scenarios:
            if scenario.name == OVERLOAD_SCENARIO:
                for server in self._servers(scenario):
                    if self._is_best(scenario, server):
                        self._with(scenario, server, partial(self._overload, scenario))
            if scenario.name == SECOND_SESSION_SCENARIO:
                self._second_session(scenario)
            if scenario.name == START_SCENARIO:
                for _ in range(_STARTS):
                    self._with(scenario, ours(scenario, workplace=self.workplace, query=self.query), lambda _: None)

    def _second_session(self, scenario: Scenario) -> None:
        lacking = can_measure()
        if lacking:
            self._note(f"Memory of a second session: not measured, the service lacks {lacking}.")
            return
        for form in FORMS:
            self._with(scenario, ours(scenario, workplace=self.workplace, FORM=form), note_form)
        note_second_session(self.figures)

    def _is_best(self, scenario: Scenario, server: Server) -> bool:
        """Say whether a server's form was its quickest in the rounds."""
        best = self.figures.quickest(scenario.name, scenario.callers, server=server.name)
        return best is not None and best[0].form == server.form

    def _overload(self, scenario: Scenario, cell: Cell) -> None:
        quickest = self.figures.quickest(scenario.name, scenario.callers, server=cell.running.server.name)
        assert quickest is not None
        cell.warm_up()
        measure_overload(cell, capacity_per_s=quickest[1], seconds=self.plan.further_s)
        measure_storm(cell, seconds=self.plan.further_s)

    def _with(
        self,
        scenario: Scenario,
        server: Server,
        work: Callable[[Cell], None],
        *,
        figures: Figures | None = None,
    ) -> None:
        """Start a server and do something with it; what keeps it from being measured becomes a note."""
        self.say(f"{scenario.name}: {server.name}, {server.form}")
        log_path = self.workplace.logs / f"{server.name}.log".replace(" ", "-").lower()

        def start_and_work() -> None:
            with running(server, log_path=log_path) as started:
                cell = Cell(started, scenario.name, self.figures if figures is None else figures)
                cell.note("start_s", started.start_s)
                self._compare(scenario, cell)
                work(cell)

        self._noting(scenario, start_and_work)

    def _compare(self, scenario: Scenario, cell: Cell) -> None:
        """Make sure that a rival gives the service's answer, for otherwise it does other work."""
        first = json.loads(cell.running.answer)["predictions"][0]
        answer = (first["label"], float(first["probability"]))
        known = self.answers.setdefault(scenario.name, answer)
        if known[0] != answer[0] or abs(known[1] - answer[1]) > _SAME_ANSWER:
            name = cell.running.server.name
            self._note(f"{scenario.title}: {name} answers {answer} to the first picture, and {OURS} {known}.")

    def _noting(self, scenario: Scenario, work: Callable[[], None]) -> None:
        try:
            work()
        except BenchmarkError as error:
            self._note(f"{scenario.title}: {error}")

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)
            self.say(text)
