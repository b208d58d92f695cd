"""`POST /v2/models/.../infer`: tensors or encoded pictures in, a tensor of scores or the best classes out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import numpy as np
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.api.classification import Deadline, unless_gone
from service.api.context import Context, context_of
from service.api.open_inference.answer import AnswerBody, answer_body
from service.api.open_inference.compression import accepted, packed, unpacked
from service.api.open_inference.documents import INFER_BODY, INFER_RESPONSES
from service.api.open_inference.inference import Inference, read_inference
from service.api.open_inference.message import LENGTH_HEADER
from service.api.open_inference.request import InferenceRequest
from service.api.open_inference.rows import classify_rows
from service.api.open_inference.tensors import ModelTensors
from service.api.responses import VersionNumber
from service.api.security import KeyedRoute
from service.api.terms import deadline_of, note, resolve
from service.engine.predictor import Classification
from service.repository.live_model import LiveModel

router: Final = APIRouter(tags=["open inference protocol"], route_class=KeyedRoute)

_LEAST_PACKED_BYTES: Final = 1024  # below, the answer fits one network packet as it is


@router.post("/v2/models/{name}/infer", response_model=None, responses=INFER_RESPONSES, openapi_extra=INFER_BODY)
async def infer(request: Request, name: str) -> Response:
    """Run a model's live version on a batch."""
    return await _infer(request, name=name, version=None)


@router.post(
    "/v2/models/{name}/versions/{version}/infer",
    response_model=None,
    responses=INFER_RESPONSES,
    openapi_extra=INFER_BODY,
)
async def infer_version(request: Request, name: str, version: VersionNumber) -> Response:
    """Run one version of a model on a batch."""
    return await _infer(request, name=name, version=version)


async def _infer(request: Request, *, name: str, version: int | None) -> Response:
    context = context_of(request)
    clock = context.scheduler.clock
    arrived_s = clock()
    model = resolve(context, name, version)
    deadline = deadline_of(request, context, arrived_s=arrived_s)
    async with _received(request, context, patience_s=deadline.patience_s) as body:
        read_s = clock() - arrived_s
        model.metrics.stages["read"].observe(read_s)
        tensors = ModelTensors.of(model.manifest)
        asked = read_inference(body, json_length=request.headers.get(LENGTH_HEADER), tensors=tensors)
        sooner = _sooner(deadline, asked.request, arrived_s=arrived_s)
        work = classify_rows(
            asked.rows,
            model=model,
            context=context,
            deadline=sooner,
            at_once=min(context.scheduler.threads * model.lane.batch, model.lane.bound),
        )
        answers = await unless_gone(request, work)
    stages_s = {"read": read_s, **(answers[0].stages_s if len(answers) == 1 else {})}
    note(request, model, rows=len(asked.rows), row_bytes=asked.row_bytes, stages_s=stages_s)
    answer = _body_of(answers, asked, model=model, tensors=tensors)
    return await _response(answer, accept_encoding=request.headers.get("accept-encoding", ""))


@asynccontextmanager
async def _received(request: Request, context: Context, *, patience_s: float) -> AsyncIterator[bytes]:
    """Read a body, unpack it where it is compressed, and hold its memory until the context ends."""
    encoding = request.headers.get("content-encoding", "")
    async with context.bodies.body_of(request, patience_s=patience_s) as body:
        if not encoding:
            yield body
            return
        async with context.bodies.gathered(unpacked(body, encoding=encoding)) as plain:
            yield plain


def _sooner(deadline: Deadline, request: InferenceRequest, *, arrived_s: float) -> Deadline:
    """Take into account what the request itself says of its urgency, which never gives it more than its headers do."""
    patience_s = deadline.patience_s if request.timeout_s is None else min(deadline.patience_s, request.timeout_s)
    return Deadline(arrived_s + patience_s, patience_s, urgent=deadline.urgent and request.urgent)


def _body_of(
    answers: Sequence[Classification], asked: Inference, *, model: LiveModel, tensors: ModelTensors
) -> AnswerBody:
    manifest = model.manifest
    head: dict[str, Any] = {"model_name": manifest.name, "model_version": str(manifest.version)}
    if asked.request.id is not None:
        head["id"] = asked.request.id
    scores_NK = np.stack([answer.scores for answer in answers])
    return answer_body(head, scores_NK, wanted=asked.wanted, tensors=tensors, labels=manifest.labels)


async def _response(answer: AnswerBody, *, accept_encoding: str) -> Response:
    headers = {"vary": "accept-encoding"}
    if answer.json_bytes is not None:
        headers[LENGTH_HEADER.lower()] = str(answer.json_bytes)
    content = answer.content
    encoding = accepted(accept_encoding) if len(content) >= _LEAST_PACKED_BYTES else None
    if encoding is not None:
        headers["content-encoding"] = encoding
        content = await asyncio.to_thread(packed, content, encoding=encoding)
    media_type = "application/json" if answer.json_bytes is None else "application/octet-stream"
    return Response(content, headers=headers, media_type=media_type)
