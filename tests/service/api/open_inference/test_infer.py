"""What a caller sends to the infer routes and what comes back."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from starlette.testclient import TestClient

from service.artifact import Output
from tests.model_folders import SIDE, color_network, load_onnx, picture, write_model
from tests.service.api.conftest import Serve
from tests.service.api.described import require_described
from tests.service.api.test_health import value

ROUTE = "/v2/models/{name}/infer"
URL = "/v2/models/colors/infer"
RED, BLUE = picture("red"), picture("blue")


def batch(*indexes: int) -> NDArray[np.float32]:
    """Make pictures of red (0), green (1) and blue (2) as tensors of the model."""
    values = np.zeros((len(indexes), 3, SIDE, SIDE), dtype=np.float32)
    values[range(len(indexes)), indexes] = 1
    return values


def request_of(values: NDArray[np.float32], **changes: Any) -> dict[str, Any]:
    """Make a request with a tensor in JSON."""
    tensor = {"name": "input", "datatype": "FP32", "shape": list(values.shape), "data": values.ravel().tolist()}
    return {"inputs": [{**tensor, **changes}]}


def in_binary(values: NDArray[np.float32], **members: Any) -> dict[str, Any]:
    """Make the arguments of a request with a tensor behind its JSON."""
    tensor = {"name": "input", "datatype": "FP32", "shape": list(values.shape)}
    size = {"parameters": {"binary_data_size": values.nbytes}}
    head = json.dumps({"inputs": [{**tensor, **size}], **members}).encode()
    return {"content": head + values.tobytes(), "headers": {"inference-header-content-length": str(len(head))}}


def indexes_of(answer: Any) -> list[int]:
    """Read the strongest class of each row out of an answer in JSON."""
    assert answer.status_code == 200, answer.text
    (output,) = answer.json()["outputs"]
    return [int(index) for index in np.array(output["data"]).reshape(output["shape"]).argmax(axis=1)]


def test_tensor_in_json_is_classified_row_by_row(shared_client: TestClient) -> None:
    """In order, with the name and version of the model and the id of the request."""
    answer = shared_client.post(URL, json={**request_of(batch(2, 0, 1)), "id": "a"})
    assert indexes_of(answer) == [2, 0, 1]
    head = {name: answer.json()[name] for name in ("model_name", "model_version", "id")}
    assert head == {"model_name": "colors", "model_version": "2", "id": "a"}
    require_described(shared_client.get("/openapi.json").json(), answer, route=ROUTE)


def test_tensor_gets_the_scores_of_the_picture(shared_client: TestClient) -> None:
    """The service's own route says the same."""
    scores = shared_client.post(URL, json=request_of(batch(0))).json()["outputs"][0]["data"]
    predictions = shared_client.post("/models/colors/predict", content=RED).json()["predictions"]
    assert scores == pytest.approx([item["probability"] for item in predictions], abs=1e-6)


@pytest.mark.parametrize("padding", range(4))
def test_tensor_behind_the_json_may_start_at_any_byte(shared_client: TestClient, padding: int) -> None:
    """The length of the JSON is the caller's."""
    answer = shared_client.post(URL, **in_binary(batch(1, 2), id="x" * padding))
    assert indexes_of(answer) == [1, 2]


def test_answer_in_binary_says_how_long_its_json_is(shared_client: TestClient) -> None:
    """What stands behind it are the scores."""
    answer = shared_client.post(URL, **in_binary(batch(1), parameters={"binary_data_output": True}))
    length = int(answer.headers["inference-header-content-length"])
    assert json.loads(answer.content[:length])["outputs"][0]["parameters"] == {"binary_data_size": 12}
    assert np.frombuffer(answer.content[length:], dtype="<f4").argmax() == 1
    require_described(shared_client.get("/openapi.json").json(), answer, route=ROUTE)


def test_tensor_without_json_is_answered_in_binary(shared_client: TestClient) -> None:
    """The header says 0."""
    headers = {"inference-header-content-length": "0"}
    answer = shared_client.post(URL, content=batch(2).tobytes(), headers=headers)
    assert np.frombuffer(answer.content[-12:], dtype="<f4").argmax() == 2


def test_pictures_are_decoded_and_classified(shared_client: TestClient) -> None:
    """Of any size and format, and counted as pictures."""
    before = value(shared_client, "convserve_image_bytes_count")
    texts = [base64.b64encode(data).decode() for data in (BLUE, picture("red", size=(40, 30), format="JPEG"))]
    answer = shared_client.post(URL, json=request_of(batch(), datatype="BYTES", shape=[2], data=texts))
    assert indexes_of(answer) == [2, 0]
    assert value(shared_client, "convserve_image_bytes_count") == before + 2


def test_picture_that_cannot_be_read_fails_the_request_and_is_named(shared_client: TestClient) -> None:
    """The protocol has no place for an answer to the other one."""
    texts = [base64.b64encode(data).decode() for data in (RED, b"no picture")]
    answer = shared_client.post(URL, json=request_of(batch(), datatype="BYTES", shape=[2], data=texts))
    assert answer.status_code == 415
    assert answer.json()["error"].startswith("Element 1 of input 'input': Pictures may be")
    require_described(shared_client.get("/openapi.json").json(), answer, route=ROUTE)


def test_each_version_has_its_own_route(shared_client: TestClient) -> None:
    """One that is not loaded is told like one that is not there."""
    assert indexes_of(shared_client.post("/v2/models/colors/versions/2/infer", json=request_of(batch(1)))) == [1]
    for version, words in (("1", "not loaded"), ("3", "known versions: 2, 1")):
        answer = shared_client.post(f"/v2/models/colors/versions/{version}/infer", json=request_of(batch(1)))
        assert answer.status_code == 404
        assert words in answer.json()["error"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "images"}, "no input 'images'; it takes 'input'"),
        ({"datatype": "FP64"}, "must be FP32"),
        ({"shape": [1, 3, 8]}, "must be [n, 3, 8, 8]"),
        ({"shape": [0, 3, 8, 8]}, "not [0, 3, 8, 8]"),
        ({"shape": [2**63, 2**63, 8, 8]}, "must be [n, 3, 8, 8]"),
        ({"shape": "1,3,8,8"}, "must be an array"),
        ({"data": [0.5]}, "has 1 elements"),
        ({"data": [1e39] * 192}, "is inf"),
        ({"data": ["0"] * 192}, "must be a number, not '0'"),
        ({"parameters": {"binary_data_size": 768}}, "it has both"),
        ({"parameters": {"magic": 1}}, "'magic' is not known here"),
    ],
)
def test_tensor_that_does_not_fit_is_refused_in_words(
    shared_client: TestClient, changes: dict[str, Any], words: str
) -> None:
    """400, the error object of the protocol, and a good answer right after it."""
    answer = shared_client.post(URL, json=request_of(batch(0), **changes))
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    require_described(shared_client.get("/openapi.json").json(), answer, route=ROUTE)
    assert indexes_of(shared_client.post(URL, json=request_of(batch(0)))) == [0]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"content": b""}, "empty"),
        ({"content": b"{"}, "cannot be read"),
        ({"content": b"{}"}, "no 'inputs'"),
        ({"content": b'{"inputs": [{"name": NaN}]}'}, "cannot be read"),
        ({"json": {"inputs": [], "outputs": []}}, "sent 0 times"),
        ({"json": {**request_of(batch(0)), "outputs": [{"name": "logits"}]}}, "it gives 'probabilities'"),
        ({"json": request_of(batch(0)), "headers": {"inference-header-content-length": "99999"}}, "the whole body"),
        ({"json": request_of(batch(0)), "headers": {"inference-header-content-length": "10"}}, "10 bytes, cannot"),
        ({"json": request_of(batch(0)), "headers": {"x-request-timeout-ms": "soon"}}, "'soon'"),
        ({"json": request_of(batch(0)), "headers": {"content-encoding": "br"}}, "gzip or deflate, not 'br'"),
        ({"json": request_of(batch(0)), "headers": {"content-encoding": "gzip"}}, "cannot be read as gzip"),
    ],
)
def test_request_that_contradicts_itself_is_refused_in_words(
    shared_client: TestClient, request_: dict[str, Any], words: str
) -> None:
    """400 also where our own routes answer 422."""
    answer = shared_client.post(URL, **request_)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert list(answer.json()) == ["error"]


def test_body_too_large_is_refused_also_where_it_is_small_on_the_way(shared_client: TestClient) -> None:
    """The bound is that of what it becomes, and what was held for it is given back."""
    plain = shared_client.post(URL, content=bytes(200_000))
    packed = shared_client.post(URL, content=gzip.compress(bytes(10**7)), headers={"content-encoding": "gzip"})
    for answer in (plain, packed):
        assert answer.status_code == 413
        assert "at most 100000 bytes" in answer.json()["error"]
    assert shared_client.app.state.context.bodies.held_bytes == 0  # type: ignore[attr-defined]  # the app behind it


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_request_is_read_and_a_long_answer_compressed(
    shared_client: TestClient, encoding: str, pack: Any
) -> None:
    """As the two headers say; a short answer stays as it is."""
    many = in_binary(batch(*[0, 1, 2] * 40), parameters={"binary_data_output": True})
    headers = {**many["headers"], "content-encoding": encoding, "accept-encoding": encoding}
    answer = shared_client.post(URL, content=pack(many["content"]), headers=headers)
    assert answer.headers["content-encoding"] == encoding
    scores = np.frombuffer(answer.content[int(answer.headers["inference-header-content-length"]) :], dtype="<f4")
    assert scores.reshape(-1, 3).argmax(axis=1).tolist() == [0, 1, 2] * 40
    short = shared_client.post(URL, json=request_of(batch(0)), headers={"accept-encoding": encoding})
    assert "content-encoding" not in short.headers


def test_unknown_model_and_one_that_is_not_ready_are_told_in_the_protocols_form(shared_client: TestClient) -> None:
    """404, and 503 with the time to come back."""
    unknown = shared_client.post("/v2/models/nobody/infer", json=request_of(batch(0)))
    refused = shared_client.post("/v2/models/broken/infer", json=request_of(batch(0)))
    assert (unknown.status_code, refused.status_code) == (404, 503)
    assert int(refused.headers["retry-after"]) >= 1
    for answer in (unknown, refused):
        require_described(shared_client.get("/openapi.json").json(), answer, route=ROUTE)


@pytest.mark.parametrize("headers", [{}, {"x-request-timeout-ms": "60000"}])
def test_time_that_is_too_short_is_a_deadline(shared_client: TestClient, headers: dict[str, str]) -> None:
    """The parameter's microseconds count where they end before the header's milliseconds."""
    answer = shared_client.post(URL, json={**request_of(batch(0)), "parameters": {"timeout": 1}}, headers=headers)
    assert answer.status_code == 504
    assert answer.json() == {"error": "No answer within 0.000 s; the work was dropped."}


def test_route_and_method_that_are_not_there_are_told_in_the_protocols_form(shared_client: TestClient) -> None:
    """Everything under /v2, shared memory and load included, which this service does not have."""
    for url in ("/v2/nothing", "/v2/repository/models/colors/load", "/v2/systemsharedmemory/status"):
        answer = shared_client.post(url)
        assert (answer.status_code, list(answer.json())) == (404, ["error"])
    wrong = shared_client.get(URL)
    assert (wrong.status_code, list(wrong.json()), wrong.headers["allow"]) == (405, ["error"], "POST")
    number = shared_client.post("/v2/models/colors/versions/one/infer", json=request_of(batch(0)))
    assert number.status_code == 400
    assert "'one'" in number.json()["error"]


def test_rows_are_counted_as_pictures_are_but_not_as_pictures(client: TestClient) -> None:
    """Each is a prediction of the model; none has bytes, pixels, or a time of decoding."""
    client.post(URL, json=request_of(batch(0, 1, 1)))
    assert value(client, "convserve_predictions_total", model="colors", version="1", outcome="ok") == 3
    assert value(client, "convserve_predicted_class_total", model="colors", version="1", label="green") == 2
    assert value(client, "convserve_image_bytes_count") == 0
    assert value(client, "convserve_image_pixels_count") == 0
    for stage, count in (("read", 1), ("decode", 0), ("preprocess", 0), ("queue", 3), ("inference", 3)):
        assert value(client, "convserve_stage_duration_seconds_count", model="colors", stage=stage) == count


def test_batch_larger_than_the_queue_is_answered_whole(tmp_path: Path, serve: Serve) -> None:
    """Its rows take turns instead of turning each other away."""
    write_model(tmp_path / "models")
    client = serve(queue_size=2)
    client.app.state.context.registry.resolve("colors").lane.batch = 8  # type: ignore[attr-defined]  # as tuning may choose
    assert indexes_of(client.post(URL, json=request_of(batch(*[0, 1, 2] * 30)))) == [0, 1, 2] * 30


def test_batch_for_a_network_that_takes_one_picture_at_a_time_is_split(tmp_path: Path, serve: Serve) -> None:
    """The metadata promises any number, and any number is taken."""
    network = load_onnx(color_network())
    for tensor in (network.graph.input[0], network.graph.output[0]):
        tensor.type.tensor_type.shape.dim[0].dim_value = 1
    onnx.checker.check_model(network)
    write_model(tmp_path / "models", network=network.SerializeToString())
    assert indexes_of(serve().post(URL, json=request_of(batch(2, 1, 0, 2)))) == [2, 1, 0, 2]


def test_output_tensor_holds_what_the_network_gives(tmp_path: Path, serve: Serve) -> None:
    """Logits stay logits, so that a client's own softmax is right; the service's own route gives probabilities."""
    write_model(tmp_path / "models", output=Output(tensor="probabilities", holds="logits"), golden=())
    client = serve()
    (scores,) = [output["data"] for output in client.post(URL, json=request_of(batch(0))).json()["outputs"]]
    shares = [item["probability"] for item in client.post("/predict", content=RED).json()["predictions"]]
    assert scores[0] == pytest.approx(0.99991, abs=1e-5)
    expected = np.exp(scores) / np.exp(scores).sum()
    assert shares == pytest.approx(sorted(expected, reverse=True), abs=1e-6)


def test_network_that_fails_is_a_constant_text(tmp_path: Path, serve: Serve) -> None:
    """What happened stays in the log."""
    write_model(tmp_path / "models", network=color_network(fails_on_bright=True), golden=())
    answer = serve().post(URL, json=request_of(batch(0)))
    assert answer.status_code == 500
    assert answer.json()["error"].startswith("Something failed inside the service")


def test_service_that_goes_down_says_when_to_come_back(client: TestClient) -> None:
    """The whole batch is refused, in the protocol's form."""
    client.app.state.context.scheduler.drain()  # type: ignore[attr-defined]  # the FastAPI app behind the client
    answer = client.post(URL, json=request_of(batch(0, 1)))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert "shutting down" in answer.json()["error"]


async def test_requests_that_share_runs_get_their_own_rows(tmp_path: Path, serve: Serve) -> None:
    """Tensors and pictures of many callers at once, several to a run, and no answer is another's."""
    write_model(tmp_path / "models")
    app = serve(threads=2).app
    app.state.context.registry.resolve("colors").lane.batch = 8  # type: ignore[attr-defined]  # as tuning may choose
    orders = [[(start + step * place) % 3 for place in range(7)] for start in range(3) for step in (0, 1, 2)] * 3

    async def ask(client: httpx.AsyncClient, order: list[int]) -> list[int]:
        return indexes_of(await client.post(URL, json=request_of(batch(*order))))

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
        asked = [ask(client, order) for order in orders]
        pictures = [client.post("/predict", content=picture(color)) for color in ("red", "lime", "blue") * 5]
        found, seen = await asyncio.gather(asyncio.gather(*asked), asyncio.gather(*pictures))
    assert found == orders
    assert [answer.json()["predictions"][0]["index"] for answer in seen] == [0, 1, 2] * 5
