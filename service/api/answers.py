"""Turns classifications into bodies: our own form, several results, the Hugging Face form; stage times to a header."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from starlette.responses import Response

from service.api.problems import log_internal, problem_body
from service.engine.postprocessing import top_k
from service.engine.predictor import Classification
from service.errors import ConvserveError
from service.repository.live_model import LiveModel

Outcome = Classification | ConvserveError


def answer_one(answer: Classification, *, model: LiveModel, k: int, request_id: str) -> dict[str, Any]:
    """Describe one picture; see `schemas.PredictResponse`."""
    return {"model": _reference(model), "predictions": _predictions(answer, model, k), "request_id": request_id}


def answer_many(outcomes: Sequence[Outcome], *, model: LiveModel, k: int, request_id: str) -> dict[str, Any]:
    """Describe several pictures in order; see `schemas.PredictManyResponse`."""
    for outcome in outcomes:
        if isinstance(outcome, ConvserveError):
            log_internal(outcome, request_id=request_id)
    results = [
        {"problem": problem_body(outcome)}
        if isinstance(outcome, ConvserveError)
        else {"predictions": _predictions(outcome, model, k)}
        for outcome in outcomes
    ]
    return {"model": _reference(model), "results": results, "request_id": request_id}


def answer_huggingface(answer: Classification, *, model: LiveModel, k: int) -> list[dict[str, Any]]:
    """Describe one picture as Hugging Face's image-classification task does; see `schemas.LabelScore`."""
    labels = model.manifest.labels
    return [{"label": labels[index], "score": share} for index, share in top_k(answer.probabilities, k=k)]


def json_response(body: object, *, stages_s: dict[str, float], outcomes: Sequence[Outcome]) -> Response:
    """Write a body as JSON, with stage times and the kind of decoding in `Server-Timing`.

    Args:
        body: What JSON can hold.
        stages_s: Seconds by stage; written in milliseconds.
        outcomes: What the body describes; `decode` is said to be `exact`, `fast 1/2`, `fast 1/4` or several of these.

    Source: W3C Server Timing.

    """
    entries = {stage: f"{stage};dur={seconds * 1000:.3f}" for stage, seconds in stages_s.items()}
    kinds = sorted({_decoding(outcome) for outcome in outcomes if not isinstance(outcome, ConvserveError)})
    if kinds:
        entries["decode"] = f'{entries.get("decode", "decode")};desc="{" and ".join(kinds)}"'
    headers = {"server-timing": ", ".join(entries.values())}
    return Response(orjson.dumps(body), media_type="application/json", headers=headers)


def _decoding(answer: Classification) -> str:
    return "exact" if answer.reduction == 1 else f"fast 1/{answer.reduction}"


def _reference(model: LiveModel) -> dict[str, Any]:
    manifest = model.manifest
    return {"name": manifest.name, "version": manifest.version, "precision": model.variant.precision}


def _predictions(answer: Classification, model: LiveModel, k: int) -> list[dict[str, Any]]:
    labels = model.manifest.labels
    return [
        {"label": labels[index], "index": index, "probability": share}
        for index, share in top_k(answer.probabilities, k=k)
    ]
