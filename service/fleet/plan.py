"""What is wanted of each model: the version that answers, those that stay loaded beside it, and who gets what share.

A plan is a value; every change of it is one of the methods here, which know neither files nor processes.

    a newer version        candidate ──▶ every worker has it ──▶ live, the one before it stays loaded
                                    └──▶ one worker refuses it ──▶ refused, the live one stays
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import Final, TypeAlias

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

_STRICT: Final = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, config=_STRICT)
class Refusal:
    """Why a version does not answer.

    Args:
        kind: One word, of the closed set in `service.repository.refusing`.
        reason: For people; shows no folder of this machine.
        fingerprint: Of the folder as it was; one that has changed since may be tried again.

    """

    kind: str
    reason: str
    fingerprint: str


@dataclass(frozen=True, slots=True, config=_STRICT)
class Canary:
    """A version that answers a share of the requests that name no version.

    Args:
        version: Which.
        share: Above 0 and up to 1.

    """

    version: int
    share: float


@dataclass(frozen=True, slots=True, config=_STRICT)
class ModelPlan:
    """What is wanted of one model.

    Args:
        live: The version that answers where a request names none.
        candidate: The version that is to become live as soon as every worker has loaded it.
        chosen: Whether somebody chose the candidate, so that it is pinned when it becomes live.
        pinned: The version that somebody chose; a newer one on disk then changes nothing.
        previous: The version that was live before, kept loaded so that the way back takes no time.
        held: Versions that somebody asked to be loaded.
        canary: See there.
        shadow: A version that sees the same pictures as the live one; its answers are compared and not sent.
        unloaded: Whether somebody took the model away as a whole: nothing of it answers until it is loaded again.
        refused: Versions that failed, and why.

    """

    live: int | None = None
    candidate: int | None = None
    chosen: bool = False
    pinned: int | None = None
    previous: int | None = None
    held: tuple[int, ...] = ()
    canary: Canary | None = None
    shadow: int | None = None
    unloaded: bool = False
    refused: dict[int, Refusal] = field(default_factory=dict)

    @property
    def needed(self) -> frozenset[int]:
        """Versions that every worker has in memory, or is about to have."""
        canary = self.canary.version if self.canary else None
        roles = (self.live, self.candidate, self.previous, canary, self.shadow, *self.held)
        return frozenset(version for version in roles if version is not None)

    def proposed(self, version: int) -> ModelPlan:
        """Let a version become live as soon as it is loaded everywhere; the live one again cancels that."""
        candidate = None if version == self.live else version
        refused = self._without(version)
        return replace(self, candidate=candidate, chosen=False, unloaded=False, refused=refused)

    def committed(self, *, keep_previous: bool) -> ModelPlan:
        """Make the candidate live, where there is one.

        Args:
            keep_previous: Whether the version that was live stays loaded.

        """
        if self.candidate is None:
            return self
        canary = self.canary if self.canary and self.canary.version != self.candidate else None
        shadow = self.shadow if self.shadow != self.candidate else None
        previous = self.live if keep_previous else None
        return replace(
            self,
            live=self.candidate,
            candidate=None,
            chosen=False,
            pinned=self.candidate if self.chosen else self.pinned,
            previous=previous,
            canary=canary,
            shadow=shadow,
        )

    def refusing(self, version: int, refusal: Refusal) -> ModelPlan:
        """Note that a version failed: it is not wanted any more in any role, except that a live one stays."""
        return replace(
            self.releasing(version),
            canary=None if self.canary and self.canary.version == version else self.canary,
            shadow=None if self.shadow == version else self.shadow,
            refused={**self.refused, version: refusal},
        )

    def holding(self, version: int) -> ModelPlan:
        """Have a version loaded, whatever else it is."""
        held = self.held if version in self.held else (*self.held, version)
        return replace(self, held=held, refused=self._without(version))

    def releasing(self, version: int) -> ModelPlan:
        """Want a version no longer, which must be neither live nor part of the traffic."""
        return replace(
            self,
            candidate=None if self.candidate == version else self.candidate,
            chosen=self.chosen and self.candidate != version,
            previous=None if self.previous == version else self.previous,
            held=tuple(held for held in self.held if held != version),
        )

    def pinned_to(self, version: int) -> ModelPlan:
        """Choose the version that answers; it is pinned when it does."""
        plan = self.proposed(version)
        return replace(plan, pinned=version) if version == self.live else replace(plan, chosen=True)

    def unpinned(self) -> ModelPlan:
        """Leave the choice to what is newest on disk again."""
        return replace(self, pinned=None, chosen=False)

    def taken_away(self) -> ModelPlan:
        """Want nothing of the model any more."""
        return ModelPlan(unloaded=True, refused=self.refused)

    def splitting(self, *, canary: Canary | None, shadow: int | None) -> ModelPlan:
        """Say which versions see traffic beside the live one."""
        plan = replace(self, canary=canary, shadow=shadow)
        return replace(plan, refused={key: why for key, why in self.refused.items() if key not in plan.needed})

    def _without(self, version: int) -> dict[int, Refusal]:
        return {key: why for key, why in self.refused.items() if key != version}


UNPLANNED: Final = ModelPlan()
Plan: TypeAlias = dict[str, ModelPlan]
_ADAPTER: Final[TypeAdapter[Plan]] = TypeAdapter(Plan)


def plan_as_json(plan: Plan) -> bytes:
    """Write a plan as JSON."""
    return _ADAPTER.dump_json(plan)


def plan_from_json(text: bytes) -> Plan:
    """Read a plan; an empty text is an empty plan."""
    return _ADAPTER.validate_json(text) if text else {}
