"""What a caller sends to the predict routes and what comes back."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.api.schemas import LabelScore, PredictManyResponse, PredictResponse
from tests.model_folders import color_input, picture, write_model
from tests.service.api.conftest import Serve

RED, BLUE = picture("red"), picture("blue")
PHOTOGRAPH = picture("red", size=(1200, 900), format="JPEG")


@pytest.mark.parametrize(
    "content_type",
    ["image/png", "image/jpeg", "application/octet-stream", "application/x-www-form-urlencoded", None],
)
def test_raw_picture_is_classified_whatever_its_header_says(client: TestClient, content_type: str | None) -> None:
    """The bytes decide what a picture is; the announced type only has to be one that carries pictures."""
    headers = {"content-type": content_type} if content_type else {}
    answer = client.post("/predict", content=RED, headers=headers)
    assert answer.status_code == 200
    assert PredictResponse.model_validate(answer.json()).predictions[0].label == "red"


@pytest.mark.parametrize("part", ["file", "image", "data"])
def test_multipart_with_one_part_answers_like_a_raw_body(client: TestClient, part: str) -> None:
    """One part under any of the three names gives one result."""
    answer = client.post("/predict", files={part: ("photo.jpg", BLUE, "image/jpeg")})
    assert PredictResponse.model_validate(answer.json()).predictions[0].label == "blue"


def test_multipart_passes_over_fields_of_other_names(client: TestClient) -> None:
    """A form's other fields are no pictures."""
    answer = client.post("/predict", files={"file": BLUE}, data={"comment": "my coat"})
    assert answer.json()["predictions"][0]["label"] == "blue"


def test_several_parts_answer_in_order_and_a_bad_one_fails_alone(client: TestClient) -> None:
    """Each part gets its own result; a text among pictures gets its own problem and harms no other."""
    parts = [("file", RED), ("file", b"no picture"), ("file", BLUE)]
    answer = client.post("/predict?top_k=1", files=parts)
    assert answer.status_code == 200
    body = PredictManyResponse.model_validate(answer.json())
    assert [result.predictions[0].label if result.predictions else None for result in body.results] == [
        "red",
        None,
        "blue",
    ]
    assert body.results[1].problem is not None
    assert body.results[1].problem["status"] == 415


def test_hugging_face_body_answers_in_the_hugging_face_form(client: TestClient) -> None:
    """Base64 in `inputs` gives a bare list of label and score."""
    answer = client.post("/predict", json={"inputs": base64.b64encode(RED).decode()})
    scores = [LabelScore.model_validate(item) for item in answer.json()]
    assert scores[0].label == "red"
    assert sum(item.score for item in scores) == pytest.approx(1, abs=1e-6)


def test_hugging_face_list_answers_with_a_list_per_picture(client: TestClient) -> None:
    """A list of pictures gives a list of lists, in order; a data URL counts as base64."""
    inputs = [base64.b64encode(RED).decode(), "data:image/png;base64," + base64.b64encode(BLUE).decode()]
    answer = client.post("/predict", json={"inputs": inputs, "parameters": {"top_k": 1}})
    assert [[item["label"] for item in picture] for picture in answer.json()] == [["red"], ["blue"]]


def test_hugging_face_top_k_beyond_the_classes_is_clamped(client: TestClient) -> None:
    """The Hugging Face form returns what there is."""
    body = {"inputs": base64.b64encode(RED).decode(), "parameters": {"top_k": 1000}}
    assert len(client.post("/predict", json=body).json()) == 3


def test_probabilities_of_all_classes_sum_to_one_and_are_sorted(client: TestClient) -> None:
    """By default all classes come back where there are at most five, most probable first, ties by index."""
    predictions = client.post("/predict", content=RED).json()["predictions"]
    assert [item["label"] for item in predictions] == ["red", "green", "blue"]
    assert sum(item["probability"] for item in predictions) == pytest.approx(1, abs=1e-6)


def test_named_model_and_version_answer_on_their_own_routes(tmp_path: Path, serve: Serve) -> None:
    """The path and the query both choose a model."""
    write_model(tmp_path / "models", name="first")
    write_model(tmp_path / "models", name="second", version=3)
    client = serve()
    for url in ("/models/second/predict", "/models/second/versions/3/predict", "/predict?model=second&version=3"):
        model = client.post(url, content=RED).json()["model"]
        assert model == {"name": "second", "version": 3, "precision": "fp32"}


def test_request_id_is_taken_over_when_sane_and_made_when_not(client: TestClient) -> None:
    """A caller can follow a request; nobody can write into the log through it."""
    kept = client.post("/predict", content=RED, headers={"x-request-id": "order-4711"})
    assert kept.headers["x-request-id"] == kept.json()["request_id"] == "order-4711"
    replaced = client.post("/predict", content=RED, headers={"x-request-id": 'a"b c'})
    assert replaced.headers["x-request-id"] == replaced.json()["request_id"] != 'a"b c'


def timing(answer: Any) -> dict[str, dict[str, str]]:
    """Read a `Server-Timing` header: parameters by metric."""
    metrics = [entry.split(";") for entry in answer.headers["server-timing"].split(", ")]
    return {name: dict(part.split("=", 1) for part in parts) for name, *parts in metrics}


def test_stage_times_come_in_the_server_timing_header(client: TestClient) -> None:
    """Every stage is named once, in the order in which it ran, in milliseconds."""
    stages = timing(client.post("/predict", content=RED))
    assert list(stages) == ["read", "queue", "decode", "preprocess", "inference", "postprocess"]
    assert all(float(stage["dur"]) >= 0 for stage in stages.values())


@pytest.mark.parametrize(
    ("query", "said"),
    [("", "fast 1/4"), ("?decode=fast", "fast 1/4"), ("?decode=exact", "exact")],
)
def test_a_large_photograph_is_decoded_as_the_request_or_the_manifest_says(
    client: TestClient, query: str, said: str
) -> None:
    """The kind of decoding stands beside its time, on every route that classifies."""
    routes = ("/predict", "/models/colors/predict", "/models/colors/versions/1/predict", "/huggingface/colors")
    for route in routes:
        answer = client.post(route + query, content=PHOTOGRAPH)
        assert answer.status_code == 200
        assert timing(answer)["decode"]["desc"] == f'"{said}"'
        assert float(timing(answer)["decode"]["dur"]) > 0


@pytest.mark.parametrize(("query", "said"), [("", "exact"), ("?decode=fast", "fast 1/4")])
def test_a_manifest_may_ask_for_exact_decoding(tmp_path: Path, serve: Serve, query: str, said: str) -> None:
    """Then only a request that asks for it is decoded fast."""
    spec = color_input()
    write_model(tmp_path / "models", input=replace(spec, preprocessing=replace(spec.preprocessing, decode="exact")))
    client = serve()
    answer = client.post(f"/predict{query}", content=PHOTOGRAPH)
    assert timing(answer)["decode"]["desc"] == f'"{said}"'
    manifest = client.get("/models/colors/versions/1").json()["manifest"]
    assert manifest["input"]["preprocessing"]["decode"] == "exact"


def test_what_cannot_be_decoded_fast_is_said_to_be_exact(client: TestClient) -> None:
    """A small picture and another format, although fast decoding was asked for."""
    for data in (picture("red", size=(64, 64), format="JPEG"), picture("red", size=(1200, 900))):
        assert timing(client.post("/predict?decode=fast", content=data))["decode"]["desc"] == '"exact"'


def test_several_pictures_say_together_how_they_were_decoded(client: TestClient) -> None:
    """Each kind is named once; a picture that fails has none."""
    parts = [("file", RED), ("file", PHOTOGRAPH), ("file", BLUE), ("file", b"no picture")]
    assert timing(client.post("/predict", files=parts))["decode"] == {"desc": '"exact and fast 1/4"'}
    assert timing(client.post("/predict?decode=exact", files=parts))["decode"] == {"desc": '"exact"'}
    assert "decode" not in timing(client.post("/predict", files=parts[3:] * 2))


def test_hugging_face_route_answers_its_form_for_raw_pictures(client: TestClient) -> None:
    """`/huggingface/{name}` answers in one form whatever was sent."""
    answer = client.post("/huggingface/colors", content=RED)
    assert [LabelScore.model_validate(item).label for item in answer.json()] == ["red", "green", "blue"]


def as_lines(data: bytes) -> str:
    """Write base64 in lines of 76 characters, as the `base64` command does."""
    return base64.encodebytes(data).decode()


def for_urls(data: bytes) -> str:
    """Write base64 in the alphabet for URLs, without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@pytest.mark.parametrize("encode", [as_lines, for_urls])
def test_base64_is_read_in_the_forms_that_clients_send(client: TestClient, encode: Callable[[bytes], str]) -> None:
    """Line breaks, the URL alphabet and missing padding are no reason to refuse."""
    assert client.post("/predict", json={"inputs": encode(RED)}).json()[0]["label"] == "red"


def test_file_name_in_any_code_page_is_no_obstacle(client: TestClient) -> None:
    """The name of an uploaded file is not looked at."""
    body = (
        b'--x\r\ncontent-disposition: form-data; name="file"; filename="\xff\xe4.png"\r\n\r\n' + RED + b"\r\n--x--\r\n"
    )
    answer = client.post("/predict", content=body, headers={"content-type": "multipart/form-data; boundary=x"})
    assert answer.json()["predictions"][0]["label"] == "red"


def test_request_with_more_pictures_than_places_is_answered_whole(tmp_path: Path, serve: Serve) -> None:
    """One request's pictures take turns instead of turning each other away."""
    write_model(tmp_path / "models")
    answer = serve(queue_size=2).post("/predict", files=[("file", RED)] * 9)
    assert [result["predictions"][0]["label"] for result in answer.json()["results"]] == ["red"] * 9


def test_request_none_of_whose_pictures_could_be_taken_fails_as_a_whole(tmp_path: Path, serve: Serve) -> None:
    """Where every picture met the same refusal, the caller gets that refusal."""
    write_model(tmp_path / "models")
    client = serve()
    client.app.state.context.scheduler.drain()  # type: ignore[attr-defined]  # the FastAPI app behind the client
    assert client.post("/predict", files=[("file", RED)] * 2).status_code == 503
