"""`POST /predict` and its twins: read the pictures, classify them, answer in the form they came in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from service.api.answers import answer_huggingface, answer_many, answer_one, json_response
from service.api.classification import Deadline, classify_each, classify_one, unless_gone
from service.api.context import Context, context_of
from service.api.responses import LARGEST_NUMBER, PICTURE_BODY, PREDICT_PROBLEMS, VersionNumber, problems
from service.api.schemas import LabelScore, PredictManyResponse, PredictResponse
from service.api.security import KeyedRoute
from service.api.terms import deadline_of, note, resolve
from service.api.uploads import Upload, uploaded
from service.artifact import Decoding
from service.errors import ConvserveError, InvalidParameterError
from service.repository.live_model import LiveModel

router: Final = APIRouter(tags=["predict"], route_class=KeyedRoute)

_MOST_SHOWN: Final = 5
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": PredictResponse | PredictManyResponse | list[LabelScore] | list[list[LabelScore]]},
    **problems(*PREDICT_PROBLEMS),
}
_HUGGINGFACE_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    **_RESPONSES,
    200: {"model": list[LabelScore] | list[list[LabelScore]]},
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What the query says about the answer.

    Args:
        top_k: Classes to return, or None for the usual number.
        precision: Refused where another one is loaded.
        decode: How large JPEG photographs are decoded, or None for the model's own way.

    """

    top_k: int | None
    precision: str | None
    decode: Decoding | None

    def decoding(self, model: LiveModel) -> Decoding:
        """Say how pictures for a model are decoded."""
        return self.decode or model.manifest.input.preprocessing.decode


async def _choice(  # a coroutine, because FastAPI would run a plain function on a thread: 130 microseconds
    top_k: Annotated[
        int | None,
        Query(ge=1, le=LARGEST_NUMBER, description="classes to return; by default 5, or all where there are fewer"),
    ] = None,
    precision: Annotated[str | None, Query(description="refused where another precision is loaded")] = None,
    decode: Annotated[
        Decoding | None,
        Query(
            description="exact: every pixel of a picture counts; fast: large JPEG photographs are scaled down while "
            "they are decoded; by default what the model's manifest says. Server-Timing says what was done."
        ),
    ] = None,
) -> Choice:
    return Choice(top_k, precision, decode)


Chosen = Annotated[Choice, Depends(_choice)]


@router.post("/predict", response_model=None, responses=_RESPONSES, openapi_extra=PICTURE_BODY)
async def predict_default(
    request: Request,
    choice: Chosen,
    model: Annotated[str | None, Query(description="name of a model; empty for the default one")] = None,
    version: Annotated[
        int | None, Query(ge=1, le=LARGEST_NUMBER, description="version; left out for the live one")
    ] = None,
) -> Response:
    """Classify a picture with the default model, or with the one named."""
    return await _predict(request, choice, name=model or None, version=version)


@router.post("/models/{name}/predict", response_model=None, responses=_RESPONSES, openapi_extra=PICTURE_BODY)
async def predict_model(request: Request, name: str, choice: Chosen) -> Response:
    """Classify a picture with a model's live version."""
    return await _predict(request, choice, name=name, version=None)


@router.post(
    "/models/{name}/versions/{version}/predict", response_model=None, responses=_RESPONSES, openapi_extra=PICTURE_BODY
)
async def predict_version(request: Request, name: str, version: VersionNumber, choice: Chosen) -> Response:
    """Classify a picture with one version of a model."""
    return await _predict(request, choice, name=name, version=version)


@router.post("/huggingface/{name}", response_model=None, responses=_HUGGINGFACE_RESPONSES, openapi_extra=PICTURE_BODY)
async def predict_huggingface(request: Request, name: str, choice: Chosen) -> Response:
    """Classify a picture, and answer in the Hugging Face form whatever was sent."""
    return await _predict(request, choice, name=name, version=None, huggingface=True)


async def _predict(
    request: Request, choice: Choice, *, name: str | None, version: int | None, huggingface: bool = False
) -> Response:
    context = context_of(request)
    clock = context.scheduler.clock
    arrived_s = clock()
    model = resolve(context, name, version)
    _require_precision(model, choice.precision)
    deadline = deadline_of(request, context, arrived_s=arrived_s)
    async with uploaded(request, budget=context.bodies, patience_s=deadline.patience_s) as sent:
        read_s = clock() - arrived_s
        model.metrics.stages["read"].observe(read_s)
        upload = sent.as_huggingface() if huggingface else sent
        k = _class_count(model, choice, upload)
        answer = _answer_single if len(upload.pictures) == 1 and upload.form != "json_list" else _answer_several
        work = answer(
            request,
            upload,
            context=context,
            model=model,
            k=k,
            deadline=deadline,
            decoding=choice.decoding(model),
            read_s=read_s,
        )
        return await unless_gone(request, work)


async def _answer_single(
    request: Request,
    upload: Upload,
    *,
    context: Context,
    model: LiveModel,
    k: int,
    deadline: Deadline,
    decoding: Decoding,
    read_s: float,
) -> Response:
    (data,) = upload.pictures
    answer = await classify_one(data, model=model, context=context, deadline=deadline, decoding=decoding)
    stages_s = {"read": read_s, **answer.stages_s}
    note(request, model, image_bytes=len(data), stages_s=stages_s)
    if upload.form == "json":
        return json_response(answer_huggingface(answer, model=model, k=k), stages_s=stages_s, outcomes=(answer,))
    body = answer_one(answer, model=model, k=k, request_id=request.state.request_id)
    return json_response(body, stages_s=stages_s, outcomes=(answer,))


async def _answer_several(
    request: Request,
    upload: Upload,
    *,
    context: Context,
    model: LiveModel,
    k: int,
    deadline: Deadline,
    decoding: Decoding,
    read_s: float,
) -> Response:
    outcomes = await classify_each(
        upload.pictures,
        model=model,
        context=context,
        deadline=deadline,
        decoding=decoding,
    )
    stages_s = {"read": read_s}
    note(request, model, image_bytes=sum(map(len, upload.pictures)), pictures=len(outcomes), stages_s=stages_s)
    if upload.form == "json_list":
        for outcome in outcomes:  # this form has no place for the problem of one picture
            if isinstance(outcome, ConvserveError):
                try:
                    raise outcome
                finally:
                    del outcome, outcomes  # its traceback holds this frame: each would keep the other in memory
        answers = [
            answer_huggingface(outcome, model=model, k=k)
            for outcome in outcomes
            if not isinstance(outcome, ConvserveError)
        ]
        return json_response(answers, stages_s=stages_s, outcomes=outcomes)
    body = answer_many(outcomes, model=model, k=k, request_id=request.state.request_id)
    return json_response(body, stages_s=stages_s, outcomes=outcomes)


def _require_precision(model: LiveModel, precision: str | None) -> None:
    loaded = model.variant.precision
    if precision is not None and precision != loaded:
        raise InvalidParameterError("precision", value=precision, expected=f"{loaded}, the one that is loaded")


def _class_count(model: LiveModel, choice: Choice, upload: Upload) -> int:
    """Decide how many classes to return; the Hugging Face form clamps, ours refuses."""
    classes = len(model.manifest.labels)
    asked = choice.top_k or upload.top_k
    if asked is None:
        return min(_MOST_SHOWN, classes)
    if asked > classes and not upload.form.startswith("json"):
        raise InvalidParameterError(
            "top_k", value=asked, expected=f"a whole number from 1 to {classes}, the number of classes"
        )
    return min(asked, classes)
