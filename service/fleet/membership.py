"""One worker's place among the workers of a service: reads the plan, changes it, and says what it has done about it.

    plan ──▶ every worker loads what is needed ──▶ its report ──▶ whoever sees that all are ready changes the plan

A version becomes live for all workers in one write: each looks at the plan's generation before every request. A worker
joins when it has what the plan needs; one that has not joined yet is waited for by nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Final

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from service.fleet.plan import UNPLANNED, ModelPlan, Plan, Refusal, plan_as_json, plan_from_json
from service.fleet.process_lock import ProcessLock
from service.fleet.shared_note import SharedNote


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class Report:
    """What one worker has done about the plan.

    Args:
        joined: Whether it answers requests.
        ready: Model to the versions that it has loaded.
        refused: Model to the versions that it could not load, and why.

    """

    joined: bool = False
    ready: dict[str, tuple[int, ...]] = field(default_factory=dict)
    refused: dict[str, dict[int, Refusal]] = field(default_factory=dict)

    def covers(self, plan: Plan) -> bool:
        """Tell whether everything that a plan needs is there."""
        return all(wanted.needed <= set(self.ready.get(name, ())) for name, wanted in plan.items())


_REPORT: Final[TypeAdapter[Report]] = TypeAdapter(Report)


class Fleet:
    """The memory that the workers of a service share; made before they are forked.

    Args:
        workers: How many there are.

    """

    def __init__(self, workers: int = 1) -> None:
        self.plan = SharedNote()
        self.reports = [SharedNote() for _ in range(workers)]
        self.lock = ProcessLock()

    def leave(self, number: int) -> None:
        """Forget what a worker said that has ended."""
        self.reports[number].write(b"")


class Member:
    """One worker's view of the fleet.

    Args:
        fleet: Shared with the others.
        number: Which of them this worker is.

    """

    def __init__(self, fleet: Fleet, *, number: int = 0) -> None:
        self._fleet = fleet
        self._own = fleet.reports[number]
        self._snapshot: tuple[int, Plan] = (0, {})  # replaced as a whole, because several threads read it
        self._reports: list[tuple[int, Report]] = [(0, Report()) for _ in fleet.reports]
        self.report = Report()

    @property
    def alone(self) -> bool:
        """Whether there is only this one."""
        return len(self._fleet.reports) == 1

    @property
    def generation(self) -> int:
        """How often the plan was changed."""
        return self._fleet.plan.generation

    def snapshot(self) -> tuple[int, Plan]:
        """The plan as it is now, and its generation; costs next to nothing while it does not change."""
        if self._fleet.plan.generation != self._snapshot[0]:
            generation, text = self._fleet.plan.read()
            self._snapshot = (generation, plan_from_json(text))
        return self._snapshot

    def plan_of(self, name: str) -> ModelPlan:
        """What is wanted of a model."""
        return self.snapshot()[1].get(name, UNPLANNED)

    def change(self, name: str, transition: Callable[[ModelPlan], ModelPlan]) -> ModelPlan:
        """Change what is wanted of a model, for all workers at once.

        Args:
            name: Of the model.
            transition: From the plan as it is now, which may have changed meanwhile.

        Returns:
            The new plan of the model.

        """
        with self._fleet.lock:
            _, plan = self.snapshot()
            before = plan.get(name, UNPLANNED)
            after = transition(before)
            if after != before:
                self._fleet.plan.write(plan_as_json({**plan, name: after}))
            return after

    def tell(self, report: Report) -> None:
        """Say what this worker has done; a report that is no news is not written."""
        if report != self.report:
            self._own.write(_REPORT.dump_json(report))
            self.report = report

    def join(self, report: Report) -> bool:
        """Answer requests from now on, unless the plan needs what this worker has not loaded.

        Returns:
            Whether it joined.

        """
        with self._fleet.lock:  # so that nothing becomes live between the look and the word
            if not report.covers(self.snapshot()[1]):
                return False
            self.tell(report)
            return True

    def everybody(self) -> list[Report]:
        """What each worker says, in their order."""
        for index, note in enumerate(self._fleet.reports):
            if note.generation != self._reports[index][0]:
                generation, text = note.read()
                self._reports[index] = (generation, _REPORT.validate_json(text) if text else Report())
        return [report for _, report in self._reports]
