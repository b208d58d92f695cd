"""`GET /v2` and `GET /v2/models...`: what the server and its models are, and which of them are ready."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request

from service import VERSION
from service.api.context import context_of
from service.api.open_inference.documents import errors
from service.api.open_inference.schemas import (
    ModelMetadata,
    ModelReady,
    ServerMetadata,
    TensorMetadata,
)
from service.api.open_inference.tensors import ModelTensors
from service.api.responses import VersionNumber
from service.api.security import KeyedRoute
from service.repository.live_model import LiveModel, State
from service.repository.registry import Registry

router: Final = APIRouter(tags=["open inference protocol"], route_class=KeyedRoute)

_NAME: Final = "convserve"
_EXTENSIONS: Final = ["binary_tensor_data", "classification", "schedule_policy"]
_OF_ADMINISTRATORS: Final = ["model_repository"]  # it promises load and unload beside the index
_PLATFORM: Final = "onnxruntime_onnx"  # as Triton calls models of this kind


@router.get("/v2/", include_in_schema=False)
@router.get("/v2")
async def server_metadata(request: Request) -> ServerMetadata:
    """Say what this server is, and which extensions of the protocol it speaks."""
    further = _OF_ADMINISTRATORS if context_of(request).access.has_admin else []
    return ServerMetadata(name=_NAME, version=VERSION, extensions=[*_EXTENSIONS, *further])


@router.get("/v2/models/{name}", responses=errors(404, 503))
async def model_metadata(request: Request, name: str) -> ModelMetadata:
    """Describe the tensors of a model's live version."""
    registry = context_of(request).registry
    return _metadata(registry, registry.resolve(name))


@router.get("/v2/models/{name}/versions/{version}", responses=errors(400, 404, 503))
async def version_metadata(request: Request, name: str, version: VersionNumber) -> ModelMetadata:
    """Describe the tensors of one version of a model."""
    registry = context_of(request).registry
    return _metadata(registry, registry.resolve(name, version))


@router.get("/v2/models/{name}/ready", responses=errors(404, 503))
async def model_ready(request: Request, name: str) -> ModelReady:
    """Answer 200 when a model can answer."""
    context_of(request).registry.resolve(name)
    return ModelReady(name=name, ready=True)


@router.get("/v2/models/{name}/versions/{version}/ready", responses=errors(400, 404, 503))
async def version_ready(request: Request, name: str, version: VersionNumber) -> ModelReady:
    """Answer 200 when one version of a model can answer."""
    context_of(request).registry.resolve(name, version)
    return ModelReady(name=name, ready=True)


def _metadata(registry: Registry, model: LiveModel) -> ModelMetadata:
    tensors = ModelTensors.of(model.manifest)
    versions = registry.find(model.manifest.name).versions
    return ModelMetadata(
        name=model.manifest.name,
        versions=[str(number) for number, version in versions.items() if version.state is State.READY],
        platform=_PLATFORM,
        inputs=[TensorMetadata(**tensors.input_metadata)],
        outputs=[TensorMetadata(**tensors.output_metadata)],
    )
