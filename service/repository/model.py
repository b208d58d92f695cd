"""All versions of one model as this process has them, in the light of what is wanted of them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from service.errors import ModelNotReadyError, UnknownVersionError, VersionNotLoadedError
from service.fleet.plan import UNPLANNED, ModelPlan
from service.repository.live_model import LiveModel, State, Version

_LOADING_RETRY_S: Final = 2.0
_REFUSED_RETRY_S: Final = 60.0  # until somebody mends it, or loads it again


@dataclass(slots=True)
class Model:
    """A model and its versions; the dictionary is replaced and never changed, so that any thread may read it.

    Args:
        name: In URLs and metrics.
        versions: Number to version, newest first.
        at_start: Whether it was there when the service started; readiness waits for such models only.
        plan: What is wanted of it.

    """

    name: str
    versions: Mapping[int, Version]
    at_start: bool = True
    plan: ModelPlan = field(default=UNPLANNED)

    @property
    def live(self) -> LiveModel | None:
        """The version that answers where a request names none; None while none does."""
        return self._loaded(self.plan.live)

    @property
    def canary(self) -> LiveModel | None:
        """The version that answers a share of these requests."""
        return self._loaded(self.plan.canary.version) if self.plan.canary else None

    @property
    def shadow(self) -> LiveModel | None:
        """The version that sees the same pictures as the live one."""
        return self._loaded(self.plan.shadow)

    @property
    def loaded(self) -> list[LiveModel]:
        """Every version in memory, newest first."""
        return [version.model for version in self.versions.values() if version.model is not None]

    @property
    def state(self) -> State:
        """Ready where a version is live, refused where every version was tried, available where it was taken away."""
        if self.live is not None:
            return State.READY
        if self.plan.unloaded and self.plan.candidate is None:
            return State.AVAILABLE
        refused = all(version.state is State.REFUSED for version in self.versions.values())
        return State.REFUSED if refused else State.LOADING

    def answering(self, version: int | None) -> LiveModel:
        """Find the version that answers a request.

        Args:
            version: The one that the request names, or None.

        Raises:
            UnknownVersionError, VersionNotLoadedError: There is no such version, or not in memory.
            ModelNotReadyError: It does not answer yet, or was refused.

        """
        if version is None:
            return self._by_share()
        found = self.version(version)
        if found.model is not None:
            return found.model
        if found.state is State.AVAILABLE and self.live is not None:
            raise VersionNotLoadedError(self.name, version=version, live=self.live.manifest.version)
        raise self._not_ready(found.state)

    def version(self, number: int) -> Version:
        """Find a version.

        Raises:
            UnknownVersionError: There is none.

        """
        found = self.versions.get(number)
        if found is None:
            raise UnknownVersionError(self.name, version=number, known=list(self.versions))
        return found

    def follow(self, plan: ModelPlan) -> None:
        """Take note of what is wanted, and of what has become of each version."""
        self.plan = plan
        for number, version in self.versions.items():
            refusal = plan.refused.get(number)
            version.reason = refusal.reason if refusal else ""
            if version.model is not None:
                version.state = State.READY
            elif refusal is not None:
                version.state = State.REFUSED
            else:
                version.state = State.LOADING if number in plan.needed else State.AVAILABLE

    def _by_share(self) -> LiveModel:
        canary = self.plan.canary
        if canary is not None and random.random() < canary.share:  # noqa: S311  a share of traffic is no secret
            found = self.canary
            if found is not None:
                return found
        live = self.live
        if live is None:
            raise self._not_ready(self.state)
        return live

    def _not_ready(self, state: State) -> ModelNotReadyError:
        waits_for_people = state is State.REFUSED or self.plan.unloaded
        retry_after_s = _REFUSED_RETRY_S if waits_for_people else _LOADING_RETRY_S
        return ModelNotReadyError(self.name, state=state, retry_after_s=retry_after_s)

    def _loaded(self, number: int | None) -> LiveModel | None:
        found = self.versions.get(number) if number is not None else None
        return found.model if found else None
