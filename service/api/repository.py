"""`GET /models...`: what is there, what became of it, and how it runs here."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request

from service.api.context import context_of
from service.api.responses import VersionNumber, problems
from service.api.schemas import (
    CanaryBody,
    ModelDetail,
    ModelList,
    ModelSummary,
    TrafficBody,
    TuningBody,
    VersionDetail,
    VersionSummary,
)
from service.api.security import KeyedRoute
from service.artifact import manifest_as_json
from service.repository.live_model import LiveModel, Version
from service.repository.model import Model

router: Final = APIRouter(tags=["models"], route_class=KeyedRoute)


@router.get("/models")
async def list_models(request: Request) -> ModelList:
    """List every model with the state of its versions."""
    registry = context_of(request).registry
    return ModelList(models=[ModelSummary(**_summary(model, registry.default)) for model in registry.models.values()])


@router.get("/models/{name}", responses=problems(404))
async def describe_model(request: Request, name: str) -> ModelDetail:
    """Describe a model by its live version."""
    registry = context_of(request).registry
    return detail_of(registry.find(name), registry.default)


def detail_of(model: Model, default: str | None) -> ModelDetail:
    """Describe a model as it is now.

    Args:
        model: Which.
        default: Name of the default model.

    """
    manifest = model.live.manifest if model.live else None
    return ModelDetail(
        **_summary(model, default),
        traffic=traffic_of(model),
        description=manifest.description if manifest else None,
        license=manifest.license if manifest else None,
        labels=list(manifest.labels) if manifest else None,
    )


@router.get("/models/{name}/versions/{version}", responses=problems(404, 422))
async def describe_version(request: Request, name: str, version: VersionNumber) -> VersionDetail:
    """Show a version's manifest, its state, and the provider that is really in use."""
    return version_of(context_of(request).registry.find(name), version)


def version_of(owner: Model, number: int) -> VersionDetail:
    """Describe a version as it is now.

    Raises:
        UnknownVersionError: There is none of that number.

    """
    found = owner.version(number)
    model = found.model
    return VersionDetail(
        model=owner.name,
        version=number,
        state=found.state,
        reason=found.reason,
        manifest=manifest_as_json(model.manifest) if model else None,
        provider=model.provider if model else None,
        precision=model.variant.precision if model else None,
        capacity=model.lane.bound if model else None,
        run_s=model.lane.run_s if model else None,
        tuning=_tuning(model) if model else None,
    )


def traffic_of(model: Model) -> TrafficBody:
    """Show which versions see the requests that name none."""
    plan = model.plan
    return TrafficBody(
        live=plan.live,
        canary=CanaryBody(version=plan.canary.version, share=plan.canary.share) if plan.canary else None,
        shadow=plan.shadow,
        pinned=plan.pinned,
        candidate=plan.candidate,
        previous=plan.previous,
    )


def _tuning(model: LiveModel) -> TuningBody:
    """Show which form was chosen on this machine, and what was measured to choose it."""
    return TuningBody.model_validate(dataclasses.asdict(model.classifier.sessions.tuning))


def _summary(model: Model, default: str | None) -> dict[str, Any]:
    return {
        "name": model.name,
        "state": model.state,
        "default": model.name == default,
        "live_version": model.live.manifest.version if model.live else None,
        "versions": [_version(number, version) for number, version in model.versions.items()],
    }


def _version(number: int, version: Version) -> VersionSummary:
    return VersionSummary(version=number, state=version.state, reason=version.reason)
