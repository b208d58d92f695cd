"""What an administrator does to models while they are served; an act has ended when every worker has followed it.

    load, unload, choose, split ──▶ plan ──▶ keepers of all workers ──▶ done, or refused with the reason

Changes nothing that is live before the new version has proved itself; used from the event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from service.errors import (
    ActSupersededError,
    ActUnfinishedError,
    UnknownVersionError,
    VersionInUseError,
    VersionRefusedError,
)
from service.fleet.membership import Member
from service.fleet.plan import Canary, ModelPlan
from service.repository.keeper import Keeper
from service.repository.model import Model
from service.repository.registry import Registry

_POLL_S: Final = 0.02
_PATIENCE_S: Final = 300.0  # a network of some hundred megabytes on a slow disk; what is under way goes on after that


class Operator:
    """Carries out an administrator's acts.

    Args:
        registry: Models of this process.
        member: This worker among those that share the plan.
        keeper: Of this worker; those of the others look by themselves.
        patience_s: Longest wait for the workers to follow.

    """

    def __init__(self, registry: Registry, *, member: Member, keeper: Keeper, patience_s: float = _PATIENCE_S) -> None:
        self._registry = registry
        self._member = member
        self._keeper = keeper
        self._patience_s = patience_s

    async def load(self, name: str, version: int) -> None:
        """Load a version beside the live one, so that requests can name it.

        Raises:
            NotFoundError: There is no such model or version, also not after another look at the folder.
            VersionRefusedError: It cannot be loaded.
            ActUnfinishedError: It takes longer than anybody waits.

        """
        await self._require_versions(name, version)
        self._change(name, lambda plan: plan.holding(version))
        await self._until_loaded(name, version)

    async def unload(self, name: str, version: int) -> None:
        """Take a version out of memory; requests that were given to it still get their answers.

        Raises:
            NotFoundError: There is no such model or version.
            VersionInUseError: It is live, or has a share of the traffic.
            ActUnfinishedError: It takes longer than anybody waits.

        """
        self._registry.find(name).version(version)

        def release(plan: ModelPlan) -> ModelPlan:
            _require_unused(name, version, plan)
            return plan.releasing(version)

        self._change(name, release)
        await self._until_gone(name, version)

    async def load_model(self, name: str) -> None:
        """Look at the folder again, and let the newest version of a model that is not pinned answer.

        Raises:
            NotFoundError, VersionRefusedError, ActUnfinishedError: As `load`.

        """
        for _ in range(2):  # what looks the same twice is complete
            await asyncio.to_thread(self._keeper.look)
        model = self._registry.find(name)
        wanted = self._registry.pinned(model) or next(iter(model.versions))
        await self._require_versions(name, wanted)
        self._change(name, lambda plan: plan.proposed(wanted))
        await self._until(name, wanted, done=lambda plan: _is_chosen(name, wanted, plan))

    async def unload_model(self, name: str) -> None:
        """Take a model out of memory as a whole; requests that were given to it still get their answers.

        Raises:
            UnknownModelError: There is none.
            ActUnfinishedError: It takes longer than anybody waits.

        """
        loaded = list(self._registry.find(name).versions)
        self._change(name, ModelPlan.taken_away)
        for version in loaded:
            await self._until_gone(name, version)

    async def choose(self, name: str, version: int | None) -> None:
        """Let a version answer the requests that name none, and keep it so whatever is published afterwards.

        Args:
            name: Of the model.
            version: None to leave the choice to what is newest on disk again.

        Raises:
            NotFoundError, VersionRefusedError, ActUnfinishedError: As `load`; what was live stays.
            ActSupersededError: Somebody chose another version before this one was loaded.

        """
        model = await self._require_versions(name, version)
        if version is None:
            await self._choose_newest(model)
        else:
            self._change(name, lambda plan: plan.pinned_to(version))
            await self._until(name, version, done=lambda plan: _is_chosen(name, version, plan))

    async def _choose_newest(self, model: Model) -> None:
        self._change(model.name, ModelPlan.unpinned)
        good = (number for number in model.versions if number not in model.plan.refused)
        newest = self._registry.pinned(model) or next(good, None)
        if newest is not None:
            self._change(model.name, lambda plan: plan.proposed(newest))
            await self._until(model.name, newest, done=lambda plan: plan.candidate != newest)

    async def split(self, name: str, *, canary: Canary | None, shadow: int | None) -> None:
        """Say which versions see the traffic of a model beside the live one.

        Args:
            name: Of the model.
            canary: Answers a share of the requests that name no version; None for no such version.
            shadow: Sees the same pictures as the live version, and its answers are compared only; None for none.

        Raises:
            NotFoundError, VersionRefusedError, ActUnfinishedError: As `load`; then there is no share for it.
            VersionInUseError: The live version is asked to be its own canary or shadow.

        """
        wanted = (canary.version if canary else None, shadow)
        versions = [version for version in wanted if version is not None]
        await self._require_versions(name, *versions)

        def divide(plan: ModelPlan) -> ModelPlan:
            if plan.live in versions:
                raise VersionInUseError(name, version=plan.live, role="live")
            return plan.splitting(canary=canary, shadow=shadow)

        self._change(name, divide)
        for version in versions:
            await self._until_loaded(name, version)

    def _change(self, name: str, transition: Callable[[ModelPlan], ModelPlan]) -> None:
        self._member.change(name, transition)
        self._keeper.wake()

    async def _until_loaded(self, name: str, version: int) -> None:
        await self._until(name, version, done=lambda _: self._is_loaded(name, version))

    async def _until_gone(self, name: str, version: int) -> None:
        await self._wait(name, version, done=lambda: self._is_gone(name, version))

    async def _until(self, name: str, version: int, *, done: Callable[[ModelPlan], bool]) -> None:
        """Wait until the plan and the workers are where an act wanted them.

        Raises:
            VersionRefusedError: The version failed.
            ActUnfinishedError: It takes longer than anybody waits.

        """

        def is_decided() -> bool:
            plan = self._member.plan_of(name)
            if done(plan):
                return True
            if (refusal := plan.refused.get(version)) is not None:
                raise VersionRefusedError(name, version=version, reason=refusal.reason)
            return False

        await self._wait(name, version, done=is_decided)

    async def _wait(self, name: str, version: int, *, done: Callable[[], bool]) -> None:
        give_up_s = time.monotonic() + self._patience_s
        while not done():
            if time.monotonic() > give_up_s:
                raise ActUnfinishedError(name, version=version, waited_s=self._patience_s)
            await asyncio.sleep(_POLL_S)

    def _is_loaded(self, name: str, version: int) -> bool:
        reports = [report for report in self._member.everybody() if report.joined]
        return all(version in report.ready.get(name, ()) for report in reports)

    def _is_gone(self, name: str, version: int) -> bool:
        return not any(version in report.ready.get(name, ()) for report in self._member.everybody())

    async def _require_versions(self, name: str, *versions: int | None) -> Model:
        """Find a model and versions of it, with another look at the folder for what is not known yet."""
        model = self._registry.models.get(name)
        if model is None or any(version not in model.versions for version in versions if version is not None):
            for _ in range(2):  # what looks the same twice is complete
                await asyncio.to_thread(self._keeper.look)
        model = self._registry.find(name)
        for version in versions:
            if version is not None and version not in model.versions:
                raise UnknownVersionError(name, version=version, known=list(model.versions))
            if version is not None:
                await self._wait(name, version, done=partial(self._is_forgotten, name, version))
        return model

    def _is_forgotten(self, name: str, version: int) -> bool:
        """Tell whether no worker reports an old failure any more, which would be taken for one of the new attempt."""
        if version not in self._member.plan_of(name).refused:
            return True
        return not any(version in report.refused.get(name, ()) for report in self._member.everybody())


def _is_chosen(name: str, version: int, plan: ModelPlan) -> bool:
    if version not in (plan.live, plan.candidate) and version not in plan.refused:
        raise ActSupersededError(name, version=version)
    return plan.live == version


def _require_unused(name: str, version: int, plan: ModelPlan) -> None:
    canary = plan.canary.version if plan.canary else None
    for role, used in (("live", plan.live), ("canary", canary), ("shadow", plan.shadow)):
        if used == version:
            raise VersionInUseError(name, version=version, role=role)
