"""The composition root: builds every object of the service once and wires them."""

from __future__ import annotations

from service.api.bodies import BodyBudget
from service.api.context import Context
from service.api.refusals import Refusals
from service.api.shadowing import Shadows
from service.company import Company
from service.engine.cores import usable_cores
from service.engine.scheduler import Scheduler
from service.errors import ConfigurationError
from service.repository.keeper import Keeper
from service.repository.loading import Loader
from service.repository.operator import Operator
from service.repository.publishing import Publishing
from service.repository.registry import Registry
from service.repository.tuner import Tuner
from service.repository.watcher import Watcher
from service.security.access import Access
from service.settings import Settings
from service.telemetry.metrics import Metrics


def compose(settings: Settings, *, metrics: Metrics, company: Company) -> tuple[Context, Tuner]:
    """Build the objects behind the routes, and the one that tunes models.

    Args:
        settings: How to serve.
        metrics: Where everything is counted.
        company: What this worker has in common with others.

    Raises:
        ConfigurationError: As `create_app`.

    """
    scheduler = Scheduler(threads=settings.threads or usable_cores())
    _require_form(settings, scheduler)
    loader = Loader(settings=settings, scheduler=scheduler, series=metrics.model)
    watcher = Watcher(settings.models_dir)
    registry = Registry(settings, member=company.member, seen=watcher.at_rest.values())
    tuner = Tuner(loader)
    keeper = Keeper(
        settings,
        registry=registry,
        member=company.member,
        watcher=watcher,
        loader=loader,
        publishing=Publishing(metrics.model, wanted_provider=settings.providers[0]),
        on_loaded=tuner.enqueue,
    )
    context = Context(
        registry=registry,
        operator=Operator(registry, member=company.member, keeper=keeper),
        keeper=keeper,
        scheduler=scheduler,
        metrics=metrics,
        bodies=_bodies(settings),
        refusals=Refusals(),
        shadows=Shadows(clock=scheduler.clock, patience_s=settings.deadline_ms / 1000),
        access=_access(settings, metrics=metrics, company=company),
        deadline_s=settings.deadline_ms / 1000,
    )
    return context, tuner


def _bodies(settings: Settings) -> BodyBudget:
    return BodyBudget(
        body_bytes=settings.max_body_bytes,
        total_bytes=max(settings.max_held_bytes, settings.max_body_bytes),
        body_s=settings.body_timeout_ms / 1000,
    )


def _access(settings: Settings, *, metrics: Metrics, company: Company) -> Access:
    return Access(
        api_keys_file=settings.api_keys_file,
        admin_key_file=settings.admin_key_file,
        cells=company.rate_cells,
        metrics=metrics.access,
    )


def _require_form(settings: Settings, scheduler: Scheduler) -> None:
    if settings.form in ("wide", "both") and scheduler.threads == 1:
        raise ConfigurationError(
            f"CONVSERVE_FORM={settings.form} runs a network on several threads, and each process may use one: set "
            "fewer CONVSERVE_WORKERS, more CONVSERVE_THREADS or processors for its container, or CONVSERVE_FORM=narrow."
        )
