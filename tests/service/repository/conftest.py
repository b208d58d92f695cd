"""What the tests of this room share: a loader for real model folders."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from service.engine.scheduler import Scheduler
from service.fleet.membership import Fleet, Member
from service.fleet.plan import ModelPlan
from service.repository.keeper import Keeper
from service.repository.live_model import LiveModel
from service.repository.loading import Loader
from service.repository.publishing import Publishing
from service.repository.registry import Registry
from service.repository.watcher import Watcher
from service.settings import Settings
from service.telemetry.metrics import Metrics


@pytest.fixture
def metrics() -> Metrics:
    """Make series of one process."""
    return Metrics(version="0", runtime={})


@pytest.fixture
def make_loader(metrics: Metrics) -> Callable[..., Loader]:
    """Make a loader with settings of the test; its scheduler's threads do not run."""

    def make(**settings: Any) -> Loader:
        return Loader(settings=Settings(**settings), scheduler=Scheduler(threads=2), series=metrics.model)

    return make


@dataclass
class House:
    """The repository of one worker: what a composition root puts together, without threads of its own."""

    registry: Registry
    keeper: Keeper
    member: Member
    loaded: list[weakref.ref[LiveModel]]  # every version that ever became ready

    def ask(self, name: str = "colors", transition: Callable[[ModelPlan], ModelPlan] = lambda plan: plan) -> None:
        """Change the plan and let the keeper do what it says."""
        self.member.change(name, transition)
        self.keeper.step()
        self.keeper.step()


@pytest.fixture
def make_house(tmp_path: Path, metrics: Metrics, make_loader: Callable[..., Loader]) -> Callable[..., House]:
    """Make a repository over the folder of the test."""

    def make(*, loader: Loader | None = None, member: Member | None = None, **changes: Any) -> House:
        settings = Settings(**{"models_dir": tmp_path, **changes})
        member = member or Member(Fleet())
        watcher = Watcher(settings.models_dir)
        registry = Registry(settings, member=member, seen=watcher.at_rest.values())
        loaded: list[weakref.ref[LiveModel]] = []
        keeper = Keeper(
            settings,
            registry=registry,
            member=member,
            watcher=watcher,
            loader=loader or make_loader(**settings.model_dump()),
            publishing=Publishing(metrics.model, wanted_provider=settings.providers[0]),
            on_loaded=lambda model: loaded.append(weakref.ref(model)),
        )
        return House(registry, keeper, member, loaded)

    return make
