"""Which models exist, which version of each answers a request, and which model answers when nobody names any.

Reads the plan that all workers share before every request, so that a version becomes live, or stops being it, for all
of them at the same moment. Loads nothing itself: that is the keeper's work.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Final

from service.errors import ConfigurationError, NoDefaultModelError, UnknownModelError
from service.fleet.membership import Member
from service.fleet.plan import UNPLANNED
from service.repository.live_model import LiveModel, Version
from service.repository.model import Model
from service.repository.watcher import Seen
from service.settings import Settings

PREFERRED_DEFAULT: Final = "cifar10"


class Registry:
    """The models of this process.

    Args:
        settings: The default model.
        member: This worker among those that share a plan.
        seen: Versions in the models folder when the service starts.

    Raises:
        ConfigurationError: The default model that was named is not there.

    """

    def __init__(self, settings: Settings, *, member: Member, seen: Iterable[Seen]) -> None:
        self._settings = settings
        self._member = member
        self._models: Mapping[str, Model] = {}
        self._generation = -1
        self._following = threading.Lock()  # the event loop and the keeper both do it
        self.learn(seen, at_start=True)
        self._require_named_default()
        self._require_pinned()

    @property
    def models(self) -> Mapping[str, Model]:
        """Every model by name, as things are now."""
        if self._member.generation != self._generation:
            self.follow()
        return self._models

    @property
    def default(self) -> str | None:
        """The model that answers when nobody names any; None where nobody can tell which that would be."""
        if self._settings.default_model:
            return self._settings.default_model
        if PREFERRED_DEFAULT in self._models:
            return PREFERRED_DEFAULT
        return next(iter(self._models)) if len(self._models) == 1 else None

    def follow(self) -> None:
        """Take note of a change of the plan, or of what was loaded."""
        with self._following:
            generation, plan = self._member.snapshot()
            for name, model in self._models.items():
                model.follow(plan.get(name, UNPLANNED))
            self._generation = generation

    def learn(self, seen: Iterable[Seen], *, at_start: bool = False) -> None:
        """Take note of the versions in the models folder.

        One that is gone from there and not loaded is forgotten; a loaded one goes on answering.
        """
        found: dict[str, dict[int, Seen]] = {}
        for one in seen:
            found.setdefault(one.stored.name, {})[one.stored.version] = one
        models = {}
        for name in sorted(found.keys() | self._models.keys()):
            model = self._models.get(name)
            versions = _updated(model.versions if model else {}, found.get(name, {}))
            if model is None:
                model = Model(name, versions, at_start=at_start)
            model.versions = versions
            if versions:
                models[name] = model
        self._models = models
        self.follow()

    def resolve(self, name: str | None = None, version: int | None = None) -> LiveModel:
        """Find the version that answers a request.

        Args:
            name: None for the default model.
            version: None for the live version, or for the one that has a share of its traffic.

        Raises:
            NotFoundError: No such model or version, or no default.
            ModelNotReadyError: It is there and does not answer yet, or was refused.

        """
        return self.find(name or self._require_default()).answering(version)

    def find(self, name: str) -> Model:
        """Find a model by name.

        Raises:
            UnknownModelError: There is none.

        """
        model = self.models.get(name)
        if model is None:
            raise UnknownModelError(name, known=list(self._models))
        return model

    def shadow_of(self, model: LiveModel) -> LiveModel | None:
        """Find the version that sees what a model answers; None for a model that is not live or has none."""
        owner = self.models.get(model.manifest.name)
        return owner.shadow if owner is not None and owner.plan.shadow is not None and owner.live is model else None

    def pinned(self, model: Model) -> int | None:
        """Say which version an administrator or the settings chose; None leaves the choice to the newest."""
        return self._member.plan_of(model.name).pinned or self._settings.pinned.get(model.name)

    def live(self) -> list[LiveModel]:
        """List the versions that answer requests which name none."""
        return [model.live for model in self.models.values() if model.live is not None]

    def loaded(self) -> list[LiveModel]:
        """List every version in memory."""
        return [loaded for model in self.models.values() for loaded in model.loaded]

    def waiting_for(self) -> list[str]:
        """Say what keeps the service from being ready, nothing when it is.

        A model that came after the start and cannot be loaded keeps nobody from using the others, and neither does one
        that an administrator took away.
        """
        if not self.models:
            return ["the models folder is empty"]
        return [
            f"model {name} is {model.state}"
            for name, model in self._models.items()
            if model.at_start and model.live is None and not model.plan.unloaded
        ]

    def _require_named_default(self) -> None:
        named = self._settings.default_model
        if named and named not in self._models:
            known = ", ".join(self._models) or "none"
            raise ConfigurationError(
                f"CONVSERVE_DEFAULT_MODEL={named!r} is not in {self._settings.models_dir.absolute()}; "
                f"models there: {known}."
            )

    def _require_pinned(self) -> None:
        for name, version in self._settings.pinned.items():
            there = list(self._models[name].versions) if name in self._models else []
            if version not in there:
                known = ", ".join(map(str, there)) or "none"
                raise ConfigurationError(
                    f"CONVSERVE_PINNED asks for {name}:{version}, which is not in "
                    f"{self._settings.models_dir.absolute()}; versions there: {known}."
                )

    def _require_default(self) -> str:
        default = self.default
        if default is None:
            raise NoDefaultModelError(known=list(self._models))
        return default


def _updated(known: Mapping[int, Version], seen: Mapping[int, Seen]) -> dict[int, Version]:
    """Put versions that are known together with those in the folder, newest first."""
    versions = {number: version for number, version in known.items() if version.model is not None or number in seen}
    for number, one in seen.items():
        version = versions.setdefault(number, Version(one.stored, one.fingerprint))
        version.fingerprint = one.fingerprint
    return dict(sorted(versions.items(), reverse=True))
