"""`/predictions/{model}` and `/ping` as TorchServe had them: its clients move over by changing the address.

A picture is the body itself or the part `data` of a form, and the answer an object from label to probability with the
five best classes, best first, as its image classifier gave. Versions were texts such as `1.0` there and are whole
numbers here: `1.0` is version 1. Errors have the form of this service.

Source: TorchServe's inference API; `ts/torch_handler/image_classifier.py`.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from service.api.classification import classify_one, unless_gone
from service.api.context import context_of
from service.api.responses import PICTURE_BODY, PREDICT_PROBLEMS, problems
from service.api.schemas import PingBody
from service.api.security import KeyedRoute
from service.api.terms import deadline_of, note, resolve
from service.api.uploads import uploaded
from service.engine.postprocessing import top_k
from service.errors import InvalidParameterError

router: Final = APIRouter(tags=["torchserve"], route_class=KeyedRoute)
health_router: Final = APIRouter(tags=["torchserve"])  # apart, as health is everywhere

_MOST_SHOWN: Final = 5
_VERSION: Final = re.compile(r"([1-9][0-9]{0,8})(\.0)?")
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {200: {"model": dict[str, float]}, **problems(*PREDICT_PROBLEMS)}


@health_router.get("/ping", response_model=PingBody, responses={503: {"model": PingBody}})
async def ping(request: Request) -> Response:
    """Say whether the service takes requests."""
    if context_of(request).waiting_for():
        return JSONResponse({"status": "Unhealthy"}, 503, headers={"retry-after": "1"})
    return JSONResponse({"status": "Healthy"})


@router.put("/predictions/{model}", response_model=None, responses=_RESPONSES, openapi_extra=PICTURE_BODY)
@router.post("/predictions/{model}", response_model=None, responses=_RESPONSES, openapi_extra=PICTURE_BODY)
async def predictions(request: Request, model: str) -> Response:
    """Classify a picture with a model's live version."""
    return await _predict(request, name=model, version=None)


@router.put("/predictions/{model}/{version}", response_model=None, responses=_RESPONSES, openapi_extra=PICTURE_BODY)
@router.post("/predictions/{model}/{version}", response_model=None, responses=_RESPONSES, openapi_extra=PICTURE_BODY)
async def predictions_of_version(request: Request, model: str, version: str) -> Response:
    """Classify a picture with one version of a model."""
    found = _VERSION.fullmatch(version)
    if found is None:
        raise InvalidParameterError("version", value=version, expected="a whole number from 1, such as 1 or 1.0")
    return await _predict(request, name=model, version=int(found[1]))


async def _predict(request: Request, *, name: str, version: int | None) -> Response:
    context = context_of(request)
    arrived_s = context.scheduler.clock()
    model = resolve(context, name, version)
    deadline = deadline_of(request, context, arrived_s=arrived_s)
    async with uploaded(request, budget=context.bodies, patience_s=deadline.patience_s) as upload:
        read_s = context.scheduler.clock() - arrived_s
        model.metrics.stages["read"].observe(read_s)
        if len(upload.pictures) != 1:
            raise InvalidParameterError("number of pictures", value=len(upload.pictures), expected="1 on this route")
        (data,) = upload.pictures
        decoding = model.manifest.input.preprocessing.decode
        work = classify_one(data, model=model, context=context, deadline=deadline, decoding=decoding)
        answer = await unless_gone(request, work)
    note(request, model, image_bytes=len(data), stages_s={"read": read_s, **answer.stages_s})
    labels = model.manifest.labels
    best = top_k(answer.probabilities, k=min(_MOST_SHOWN, len(labels)))
    return Response(orjson.dumps({labels[index]: share for index, share in best}), media_type="application/json")
