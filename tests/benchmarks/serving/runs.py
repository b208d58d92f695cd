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
from tests.benchmarks.serving.ours import note_load_time, ours, tuning_of
from tests.benchmarks.serving.overload import measure_overload, measure_storm
from tests.benchmarks.serving.rival_forms import RIVALS, Rival, forms_of, prepare
from tests.benchmarks.serving.scenarios import (
    BALANCE_SCENARIO,
    OVERLOAD_SCENARIO,
    START_SCENARIO,
    Scenario,
)
from tests.benchmarks.serving.scenarios import (
    scenario as scenario_of,
)
from tests.benchmarks.serving.second_session import (
    FORMS,
    SECOND_SESSION_SCENARIO,
    note_cached_load,
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
        rivals: Those whose environments are there.
        answers: Of the service to the first picture of each scenario: the first label and its probability.
        tunings: Form in which the service ran each scenario, as it says itself.

    """

    plan: Plan
    workplace: Workplace
    say: Callable[[str], None]
    figures: Figures = field(default_factory=Figures)
    notes: list[str] = field(default_factory=list)
    rivals: list[Rival] = field(default_factory=list)
    answers: dict[str, tuple[str, float]] = field(default_factory=dict)
    tunings: dict[str, str] = field(default_factory=dict)

    def measure(self) -> None:
        """Measure everything."""
        scenarios = [scenario for scenario in self.plan.scenarios if self._starts(scenario)]
        if any(scenario.rivals for scenario in scenarios):
            self._prepare_rivals()
        for number in range(self.plan.rounds):
            self.say(f"round {number + 1} of {self.plan.rounds}")
            turns = list(self._turns(scenarios))
            for turn in turns if number % 2 == 0 else turns[::-1]:
                turn()
        if self.plan.further_s:
            self._further(scenarios)
        note_spread(self.figures)

    def _starts(self, scenario: Scenario) -> bool:
        """Start the service once, which fills its cache, and say whether it answers."""
        started = Figures()
        self._with(scenario, self._server_of(scenario), Cell.rest, figures=started)
        return bool(started.values)

    def _prepare_rivals(self) -> None:
        """Make their environments before anything is measured; who cannot be installed takes no part."""
        for rival in RIVALS:
            if rival.name in self.plan.rivals:
                self.say(f"environment of {rival.name}")
                self._noting(rival.name, partial(self._prepare, rival))

    def _prepare(self, rival: Rival) -> None:
        prepare(rival, workplace=self.workplace)
        self.rivals.append(rival)

    def _turns(self, scenarios: Sequence[Scenario]) -> Iterator[Callable[[], None]]:
        """Give everything that is measured in a round, each limit side by side with what the service makes of it."""
        for owner in dict.fromkeys(scenario.limit_scenario for scenario in scenarios):
            yield partial(self._limit, scenario_of(owner))
            alike = [scenario for scenario in scenarios if scenario.limit_scenario == owner]
            for scenario in alike:
                yield self._turn(scenario, self._server_of(scenario))
            for scenario in alike:
                for server in self._rival_servers(scenario):
                    yield self._turn(scenario, server)

    def _turn(self, scenario: Scenario, server: Server) -> Callable[[], None]:
        return partial(self._with, scenario, server, partial(self._loads, scenario))

    def _limit(self, scenario: Scenario) -> None:
        self.say(f"{scenario.name}: limit")
        measure = partial(note_limit, self.figures, scenario, workplace=self.workplace, seconds=self.plan.form_s)
        self._noting(f"{scenario.title}: the limit", measure)

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

    def _server_of(self, scenario: Scenario) -> Server:
        return ours(scenario, workplace=self.workplace)

    def _rival_servers(self, scenario: Scenario) -> Iterator[Server]:
        for rival in self.rivals if scenario.rivals else ():
            yield from forms_of(rival, scenario=scenario, workplace=self.workplace)

    def _further(self, scenarios: Sequence[Scenario]) -> None:
        """Measure what follows from the rounds, overload at what each server can do at most, and fresh starts."""
        for scenario in scenarios:
            if scenario.scaled:
                difference = partial(note_difference, self.figures, scenario, workplace=self.workplace)
                self._noting(f"{scenario.title}: the difference", difference)
            if scenario.name == OVERLOAD_SCENARIO:
                for server in (self._server_of(scenario), *self._rival_servers(scenario)):
                    if self._is_best(scenario, server):
                        self._with(scenario, server, partial(self._overload, scenario))
            if scenario.name == SECOND_SESSION_SCENARIO:
                self._cache(scenario)
            if scenario.name == START_SCENARIO:
                for _ in range(_STARTS):
                    self._with(scenario, self._server_of(scenario), lambda _: None)

    def _cache(self, scenario: Scenario) -> None:
        load = partial(note_cached_load, self.figures, scenario, workplace=self.workplace)
        self._noting(f"{scenario.title}: loading from the cache", load)
        for _ in range(self.plan.rounds):
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

        self._noting(f"{scenario.title}: {server.name}, {server.form}", start_and_work)

    def _compare(self, scenario: Scenario, cell: Cell) -> None:
        """Make sure that a rival gives the service's answer, for otherwise it does other work."""
        first = json.loads(cell.running.answer)["predictions"][0]
        answer = (first["label"], float(first["probability"]))
        if cell.is_ours:
            self.answers[scenario.name] = answer
        known = self.answers[scenario.name]
        if known[0] != answer[0] or abs(known[1] - answer[1]) > _SAME_ANSWER:
            name = cell.running.server.name
            self._note(f"{scenario.title}: {name} answers {answer} to the first picture, and {OURS} {known}.")

    def _noting(self, what: str, work: Callable[[], None]) -> None:
        """Do something that may fail alone: an hour of figures is not lost by one server."""
        try:
            work()
        except BenchmarkError as error:
            self._note(f"{what}: {error}")
        except Exception as error:  # noqa: BLE001  whatever a server answers, the others are measured
            self._note(f"{what}: {type(error).__name__}: {error}")

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)
            self.say(text)
