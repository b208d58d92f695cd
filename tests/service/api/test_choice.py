"""Every spelling of `top_k` and `precision`, in the query and in the body: answered, or refused in words."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.adding.add import add
from service.adding.told import Told
from service.api.problems import MEDIA_TYPE
from service.api.schemas import PredictManyResponse, PredictResponse
from service.settings import Settings
from tests.foreign_networks import many_classes, write
from tests.model_folders import picture
from tests.service.api.conftest import Serve

RED = picture("red")
ENCODED = base64.b64encode(RED).decode()


def require_problem(answer: Any, *, status: int, words: str) -> None:
    """Expect a problem document that names what was wrong."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, MEDIA_TYPE), answer.text
    assert words in answer.json()["detail"]


def test_as_many_classes_come_back_as_were_asked_for(client: TestClient) -> None:
    """From one to all, the most probable first."""
    for top_k in (1, 2, 3):
        answer = PredictResponse.model_validate(client.post(f"/predict?top_k={top_k}", content=RED).json())
        shares = [item.probability for item in answer.predictions]
        assert len(shares) == top_k
        assert shares == sorted(shares, reverse=True)
        assert answer.predictions[0].label == "red"


def test_a_top_k_that_is_no_number_of_classes_is_refused(client: TestClient) -> None:
    """Zero, negative, more than there are, broken, not a number, endless: 422, with the value as it came."""
    words = ["1.5", "1e3", "nan", "inf", "true", "", "%20", "0x2", "one"]
    for top_k in ["0", "-1", "4", *words, "2147483648", str(10**30), "9" * 5000]:
        require_problem(client.post(f"/predict?top_k={top_k}", content=RED), status=422, words="top_k")


def test_of_several_top_k_the_last_counts(client: TestClient) -> None:
    """As in every other query."""
    assert len(client.post("/predict?top_k=3&top_k=1", content=RED).json()["predictions"]) == 1


def test_the_hugging_face_form_clamps(client: TestClient) -> None:
    """It returns what there is, however many were asked for; null asks for the usual number."""
    for top_k, found in ((1, 1), (3, 3), (4, 3), (10**9, 3), (2**53, 3), (None, 3)):
        body = {"inputs": ENCODED, "parameters": {"top_k": top_k}}
        for route in ("/predict", "/models/colors/predict", "/huggingface/colors"):
            assert len(client.post(route, json=body).json()) == found
        if top_k is not None and top_k < 2**31:
            assert len(client.post(f"/huggingface/colors?top_k={top_k}", content=RED).json()) == found


def test_a_top_k_of_another_type_in_the_body_is_refused(client: TestClient) -> None:
    """JSON says what is a whole number, and a number in quotes is none; some programs write NaN all the same."""
    refusal = "top_k must be a whole number from 1, not"
    numbers = ["0", "-1", "1.5", "2.0", "1e2", '"2"', "true", "false", "[2]", "{}", "1" + "0" * 30]
    cases = [*((number, 422, refusal) for number in numbers), ("NaN", 400, "no JSON"), ("-Infinity", 400, "no JSON")]
    for top_k, status, words in cases:
        body = f'{{"inputs": "{ENCODED}", "parameters": {{"top_k": {top_k}}}}}'
        answer = client.post("/predict", content=body, headers={"content-type": "application/json"})
        require_problem(answer, status=status, words=words)


def test_the_query_and_the_body_may_both_ask_and_the_query_counts(client: TestClient) -> None:
    """It is what a person types."""
    answer = client.post("/predict?top_k=1", json={"inputs": ENCODED, "parameters": {"top_k": 2}})
    assert len(answer.json()) == 1


def test_top_k_holds_for_each_of_several_pictures(client: TestClient) -> None:
    """In both forms."""
    many = PredictManyResponse.model_validate(client.post("/predict?top_k=2", files=[("file", RED)] * 3).json())
    assert [len(result.predictions or []) for result in many.results] == [2, 2, 2]
    body = {"inputs": [ENCODED] * 2, "parameters": {"top_k": 2}}
    assert [len(each) for each in client.post("/predict", json=body).json()] == [2, 2]


def test_a_model_of_many_classes_shows_five_unless_asked(tmp_path: Path, serve: Serve) -> None:
    """And all of them when asked, summing to 1."""
    path = write(many_classes(12), tmp_path / "many.onnx")
    add(path, Told(name="many"), settings=Settings(models_dir=tmp_path / "models"))
    client = serve()
    assert len(client.post("/predict", content=RED).json()["predictions"]) == 5
    everything = client.post("/predict?top_k=12", content=RED).json()["predictions"]
    assert sum(item["probability"] for item in everything) == pytest.approx(1, abs=1e-6)
    assert sorted(item["index"] for item in everything) == list(range(12))
    require_problem(client.post("/predict?top_k=13", content=RED), status=422, words="from 1 to 12")


def test_a_precision_that_is_not_loaded_is_refused_with_the_one_that_is(client: TestClient) -> None:
    """Nobody gets numbers of another precision than the one asked for."""
    for route in ("/predict", "/models/colors/predict", "/models/colors/versions/1/predict"):
        assert client.post(f"{route}?precision=fp32", content=RED).json()["model"]["precision"] == "fp32"
        for precision in ("int8", "fp16", "FP32", "", "float32"):
            answer = client.post(f"{route}?precision={precision}", content=RED)
            words = f"precision must be fp32, the one that is loaded, not {precision!r}"
            require_problem(answer, status=422, words=words)


def test_every_part_gets_the_problem_that_it_would_get_alone(client: TestClient) -> None:
    """An empty part, a text, half a picture and a good one: each its own status and words, in order."""
    jpeg = picture("red", size=(64, 64), format="JPEG")
    parts = [b"", b"Dear Sir or Madam", jpeg[: len(jpeg) // 2], RED]
    answer = client.post("/predict", files=[("file", part) for part in parts])
    body = PredictManyResponse.model_validate(answer.json())
    assert answer.status_code == 200
    for part, result in zip(parts, body.results, strict=True):
        alone = client.post("/predict", files={"file": part})
        if result.problem is None:
            assert result.predictions is not None
            assert result.model_dump()["predictions"] == alone.json()["predictions"]
            continue
        for key in ("type", "title", "status", "detail"):
            assert result.problem[key] == alone.json()[key]
