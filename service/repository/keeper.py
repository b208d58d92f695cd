"""Makes what is in memory follow what is wanted: loads, lets versions become live, unloads; on a thread of its own.

    folder, plan ──▶ propose the newest ──▶ load what is needed ──▶ report ──▶ all have it: live ──▶ unload the rest

A version that fails is refused with its reason, and what was live stays. Every worker runs one keeper; they agree
through the plan, and whichever of them sees first that all are ready lets a version become live.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from service.errors import ConfigurationError, ProviderUnavailableError
from service.fleet.membership import Member, Report
from service.fleet.plan import ModelPlan, Refusal
from service.repository.live_model import LiveModel, Version
from service.repository.loading import Loader
from service.repository.model import Model
from service.repository.publishing import Publishing
from service.repository.refusing import refusal_of
from service.repository.registry import Registry
from service.repository.watcher import Watcher
from service.settings import Settings
from service.telemetry.logs import log

_POLL_S: Final = 0.05  # how often a worker looks at what the others say


class Keeper:
    """Keeps the models of this process as the plan wants them.

    Args:
        settings: Which versions are pinned, whether the folder is watched.
        registry: Whose models it loads.
        member: This worker among those that share the plan.
        watcher: Of the models folder.
        loader: Loads versions.
        publishing: Shows in metrics and log what became of them.
        on_loaded: Called on the keeper's thread with each version that becomes ready.

    """

    def __init__(
        self,
        settings: Settings,
        *,
        registry: Registry,
        member: Member,
        watcher: Watcher,
        loader: Loader,
        publishing: Publishing,
        on_loaded: Callable[[LiveModel], None],
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._member = member
        self._watcher = watcher
        self._loader = loader
        self._publishing = publishing
        self._on_loaded = on_loaded
        self._refused: dict[tuple[str, int], Refusal] = {}  # by this worker, while the plan does not say so
        self._looking = threading.Lock()
        self._lacks_folder = False  # whether the plan needs a version that was not seen here yet
        self._shown_generation = -1
        self._wake = threading.Event()
        self._next_look_s = time.monotonic() + self._look_interval_s
        self.stopping = False

    def start_up(self) -> None:
        """Load what is to answer first, and join the others.

        Raises:
            ProviderUnavailableError: A GPU was demanded and is not in use.
            ConfigurationError: The others serve a version that cannot be loaded here.

        """
        while not self._is_done():
            generation = self._member.generation
            self.step()
            if self._member.generation != generation:
                continue  # a version was refused, or became live: there may be more to do
            if self._member.join(self._report(joined=True)):
                return
            self._require_same_as_others()
            self._pause(_POLL_S)

    def run(self) -> None:
        """Follow the plan and the folder until told to stop."""
        while not self._is_done():
            self._pause(self._pause_s())
            if self._is_done():
                return
            if self._lacks_folder or (self._settings.watch and time.monotonic() >= self._next_look_s):
                self.look()
            self._step_or_tell()

    def wake(self) -> None:
        """Have it look at once; from any thread."""
        self._wake.set()

    def stop(self) -> None:
        """Have it end after what it is doing; from any thread."""
        self.stopping = True
        self._wake.set()

    def look(self) -> None:
        """Look at the models folder; from any thread."""
        with self._looking:
            self._watcher.look()
            self._registry.learn(self._watcher.at_rest.values())
            self._next_look_s = time.monotonic() + self._look_interval_s

    def step(self) -> None:
        """Do for every model what is to be done now.

        Raises:
            ProviderUnavailableError: A GPU was demanded and is not in use.

        """
        self._lacks_folder = False
        for model in list(self._registry.models.values()):
            self._propose(model)
            self._load_needed(model)
            self._tell()
            self._settle(model)
            self._unload_unneeded(model)
            self._forget_unneeded(model)
            self._tell()
        if self._shown_generation != (generation := self._member.generation):
            self._shown_generation = generation
            self._publishing.show(self._registry.models.values())

    def _step_or_tell(self) -> None:
        try:
            self.step()
        except Exception as error:  # noqa: BLE001  whatever it is, what is live stays, and later changes are followed
            log(logging.ERROR, "models not kept as wanted", error=error)

    def _propose(self, model: Model) -> None:
        """Ask for another version to become live, where the folder or the settings have one."""
        wanted = self._wanted(model, self._member.plan_of(model.name))
        if wanted is None:
            return

        def propose(plan: ModelPlan) -> ModelPlan:
            return plan.proposed(wanted) if self._wanted(model, plan) == wanted else plan

        self._member.change(model.name, propose)

    def _wanted(self, model: Model, plan: ModelPlan) -> int | None:
        """Find a version that should become live and nobody has asked for yet."""
        if plan.chosen or plan.unloaded or not (plan.live is None or self._settings.watch):
            return None
        pinned = self._registry.pinned(model)
        good = [number for number, version in model.versions.items() if not _still_refused(plan, number, version)]
        newest = pinned if pinned in good else None if pinned else next(iter(good), None)
        if newest in (None, plan.live, plan.candidate):
            return None
        known = max(plan.live or 0, plan.candidate or 0)
        return newest if pinned or (newest is not None and newest > known) else None

    def _load_needed(self, model: Model) -> None:
        for number in sorted(self._member.plan_of(model.name).needed):
            version = model.versions.get(number)
            self._lacks_folder = self._lacks_folder or version is None
            missing = version is not None and version.model is None
            if version is not None and missing and (model.name, number) not in self._refused and not self._is_done():
                self._load(model, version)

    def _load(self, model: Model, version: Version) -> None:
        stored = version.stored
        self._publishing.loading(stored)
        try:
            loaded = self._loader.load(stored)
        except Exception as error:
            if isinstance(error, ProviderUnavailableError) and not self._member.report.joined:
                raise
            refusal = refusal_of(error, stored, fingerprint=version.fingerprint)
            self._refused[(model.name, stored.version)] = refusal
            self._publishing.refused(stored, refusal, error)
            return
        version.model = loaded
        self._registry.follow()
        self._publishing.ready(loaded)
        self._on_loaded(loaded)

    def _settle(self, model: Model) -> None:
        """Change the plan where the workers' reports decide something."""
        plan = self._member.plan_of(model.name)
        if self._settled(model.name, plan) != plan:
            after = self._member.change(model.name, lambda plan: self._settled(model.name, plan))
            self._registry.follow()
            if plan.live is not None and after.live != plan.live:
                log(logging.INFO, "version live", model=model.name, version=after.live, before=plan.live)

    def _settled(self, name: str, plan: ModelPlan) -> ModelPlan:
        reports = self._member.everybody()
        for number in plan.needed - {plan.live}:
            refusals = [why for report in reports if (why := report.refused.get(name, {}).get(number))]
            if refusals:
                plan = plan.refusing(number, refusals[0])
        own = self._member.report
        joined = [own, *(report for report in reports if report.joined)]
        if plan.candidate is not None and all(plan.candidate in report.ready.get(name, ()) for report in joined):
            plan = plan.committed(keep_previous=self._settings.keep_previous)
        return plan

    def _unload_unneeded(self, model: Model) -> None:
        needed = self._member.plan_of(model.name).needed
        for number, version in model.versions.items():
            unneeded = version.model if number not in needed else None
            if unneeded is not None:
                version.model = None
                self._registry.follow()
                self._publishing.unloaded(unneeded)

    def _forget_unneeded(self, model: Model) -> None:
        """Leave what was refused to the plan, so that it can be tried again when somebody asks for it."""
        needed = self._member.plan_of(model.name).needed
        for key in [key for key in self._refused if key[0] == model.name and key[1] not in needed]:
            del self._refused[key]

    def _tell(self) -> None:
        self._member.tell(self._report(joined=self._member.report.joined))

    def _report(self, *, joined: bool) -> Report:
        refused: dict[str, dict[int, Refusal]] = {}
        for (name, number), refusal in self._refused.items():
            refused.setdefault(name, {})[number] = refusal
        ready = {
            model.name: tuple(loaded.manifest.version for loaded in model.loaded)
            for model in self._registry.models.values()
        }
        return Report(joined=joined, ready=ready, refused=refused)

    def _require_same_as_others(self) -> None:
        """End a worker that could never answer as the others do; whoever starts it may try again.

        Raises:
            ConfigurationError: A live version cannot be loaded here.

        """
        for (name, number), refusal in self._refused.items():
            if self._member.plan_of(name).live == number:
                raise ConfigurationError(
                    f"Version {number} of model {name!r}, which the other workers serve, cannot be loaded: "
                    f"{refusal.reason}"
                )

    def _pause(self, seconds: float | None) -> None:
        self._wake.wait(seconds)
        self._wake.clear()

    def _is_done(self) -> bool:
        return self.stopping or self._loader.scheduler.draining

    @property
    def _look_interval_s(self) -> float:
        return self._settings.watch_interval_ms / 1000

    def _pause_s(self) -> float | None:
        """Seconds until there may be something to do; None where somebody will wake it."""
        until_look_s = max(0.0, self._next_look_s - time.monotonic()) if self._settings.watch else None
        if self._member.alone and not self._lacks_folder:
            return until_look_s
        return _POLL_S if until_look_s is None else min(_POLL_S, until_look_s)


def _still_refused(plan: ModelPlan, number: int, version: Version) -> bool:
    """Tell whether a version was refused as it is now."""
    refusal = plan.refused.get(number)
    return refusal is not None and refusal.fingerprint == version.fingerprint
